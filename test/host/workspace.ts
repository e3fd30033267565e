import { cp, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** The repository; the extension is developed, built and packed here. */
export const repositoryFolder = path.resolve(import.meta.dirname, "../..");

/** A small workspace in several languages. Nothing works in it directly: a run takes a copy. */
export const sampleFolder = path.join(repositoryFolder, "test/sample");

/** Copies a workspace to `target`, with its own settings if there are any. */
export async function copyWorkspace(
  source: string,
  target: string,
  workspaceSettings?: Record<string, unknown>,
): Promise<string> {
  await cp(source, target, { recursive: true });
  if (workspaceSettings) {
    await mkdir(path.join(target, ".vscode"), { recursive: true });
    await writeFile(path.join(target, ".vscode/settings.json"), JSON.stringify(workspaceSettings, undefined, 2));
  }
  return target;
}
