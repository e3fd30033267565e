import { readFile } from "node:fs/promises";
import path from "node:path";

/** What host runs read from an extension's package.json. */
export interface Manifest {
  name: string;
  displayName?: string;
  publisher: string;
  version: string;
  main: string;
  engines: { vscode: string };
}

/** Reads the manifest of the extension in `folder`. */
export async function readManifest(folder: string): Promise<Manifest> {
  const manifest: Manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  return manifest;
}

/** The oldest VS Code that takes the extension, as "1.138.0". */
export async function minimumVscodeVersion(folder: string): Promise<string> {
  return (await readManifest(folder)).engines.vscode.replace(/^\D+/, "");
}
