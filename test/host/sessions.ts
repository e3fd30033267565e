import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { PlainError } from "./program.ts";

/** One VS Code window with the test files that run in it. */
export interface Session {
  name: string;
  files: string[];
  /** Whether the workspace is trusted from the start. */
  isTrusted: boolean;
  /** The user's settings. On a server they are the machine's too. */
  settings: Record<string, unknown>;
  /** Written into the workspace's `.vscode/settings.json`. */
  workspaceSettings?: Record<string, unknown>;
  /** Folders of extensions for tests that run beside ours. */
  extensions: string[];
}

/** What a session folder may say about its window, in `session.json`. */
interface SessionFile {
  isTrusted?: boolean;
  settings?: Record<string, unknown>;
  workspaceSettings?: Record<string, unknown>;
  /** Relative to the folder that the sessions lie in. */
  extensions?: string[];
}

/**
 * Finds the sessions: every sub-folder of `folder` that holds `*.test.ts` files, in alphabetical order. With `filters`,
 * only the files whose path contains one of them.
 * @throws {PlainError} when nothing is left
 */
export async function findSessions(folder: string, filters: readonly string[]): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isDirectory()) continue;
    const sessionFolder = path.join(folder, entry.name);
    const files = (await readdir(sessionFolder))
      .filter((file) => file.endsWith(".test.ts"))
      .filter((file) => filters.length === 0 || filters.some((part) => `${entry.name}/${file}`.includes(part)))
      .toSorted()
      .map((file) => path.join(sessionFolder, file));
    if (files.length === 0) continue;
    const {
      isTrusted = true,
      settings = {},
      workspaceSettings,
      extensions = [],
    } = await readSessionFile(sessionFolder);
    sessions.push({
      name: entry.name,
      files,
      isTrusted,
      settings,
      extensions: extensions.map((name) => path.join(folder, name)),
      ...(workspaceSettings === undefined ? {} : { workspaceSettings }),
    });
  }
  if (sessions.length === 0) {
    throw new PlainError(`No test file ${filters.length > 0 ? `matches ${filters.join(", ")}` : `below ${folder}`}.`);
  }
  return sessions;
}

async function readSessionFile(folder: string): Promise<SessionFile> {
  let text: string;
  try {
    text = await readFile(path.join(folder, "session.json"), "utf8");
  } catch {
    return {};
  }
  const session: SessionFile = JSON.parse(text);
  return session;
}
