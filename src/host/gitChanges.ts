import * as vscode from "vscode";
import { systemClock, type Clock } from "../base/clock.ts";

/** What is used of the API of VS Code's own Git extension, version 1 (its `git.d.ts`). */
export type Repository = {
  readonly rootUri: vscode.Uri;
  diff(isStaged: boolean): Promise<string>;
  log(options: { readonly maxEntries: number; readonly path?: string }): Promise<readonly Commit[]>;
};
type Commit = {
  readonly hash: string;
  readonly message: string;
  readonly authorName?: string;
  readonly authorDate?: Date;
};
type GitApi = {
  /** Until it is initialized, repositories may not have been found yet. */
  readonly state: "uninitialized" | "initialized";
  readonly onDidChangeState: vscode.Event<GitApi["state"]>;
  readonly repositories: readonly Repository[];
  getRepository(uri: vscode.Uri): Repository | null;
};
type GitExtension = { readonly enabled: boolean; getAPI(version: 1): GitApi };

/** Uncommitted changes as Git diffs; "" where there are none. Files that Git does not know are not in them. */
export type Changes = { readonly folder: string; readonly staged: string; readonly unstaged: string };

/** A folder that nobody has looked through by then is taken for one without a repository. */
const searchMs = 3000;

const searched = async ({ state, onDidChangeState }: GitApi, clock: Clock): Promise<void> => {
  if (state === "initialized") return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const listening = onDidChangeState(() => resolve());
  const timer = clock.after(searchMs, resolve);
  await promise;
  listening.dispose();
  timer.dispose();
};

/**
 * VS Code's Git extension, which runs Git and decides which repositories are safe, once it has looked for repositories,
 * but after three seconds at the latest. Undefined: it is not there, or off.
 */
export const openGit = async (clock: Clock = systemClock): Promise<GitApi | undefined> => {
  const git = await vscode.extensions.getExtension<GitExtension>("vscode.git")?.activate();
  if (!git?.enabled) return undefined;
  const api = git.getAPI(1);
  await searched(api, clock);
  return api;
};

/**
 * The changes of the repository that holds `near`, else of the first one. Undefined: there is none, Git's extension is
 * off, or the folder is not trusted.
 */
export const readChanges = async (
  near: vscode.Uri | undefined,
  clock: Clock = systemClock,
): Promise<Changes | undefined> => {
  if (!vscode.workspace.isTrusted) return undefined;
  const api = await openGit(clock);
  const repository = (near && api?.getRepository(near)) ?? api?.repositories[0];
  if (!repository) return undefined;
  const [staged, unstaged] = await Promise.all([repository.diff(true), repository.diff(false)]);
  return { folder: repository.rootUri.path.split("/").at(-1) ?? "", staged, unstaged };
};
