import path from "node:path";
import * as vscode from "vscode";
import { withoutFiles } from "../assistant/diff.ts";
import { counted, listLines, shortLine } from "../languageTools/resultText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import { openGit, type Repository } from "./gitChanges.ts";
import { createOwnTool, type OwnToolTable } from "./ownTool.ts";
import { openFolders, resolveHere, shownUri } from "./ownToolsWorkspace.ts";

const usualCommits = 10;

/** @throws {ToolError} `unavailable` */
const repositoryOf = async (file: string | undefined): Promise<Repository> => {
  const api = await openGit();
  const files = file === undefined ? openFolders().map(({ root }) => root) : [file];
  for (const candidate of files) {
    const repository = api?.getRepository(vscode.Uri.file(candidate));
    if (repository) return repository;
  }
  throw new ToolError("unavailable", "VS Code's Git extension knows of no repository here.");
};

const isWithin = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
};

/** A path that Git is asked about: what was named, else the workspace's folder where the repository goes beyond it. */
const logPath = (repository: Repository, named: string | undefined): string | undefined => {
  if (named !== undefined) return named;
  const root = repository.rootUri.fsPath;
  const folders = openFolders().map((folder) => folder.root);
  return folders.some((folder) => isWithin(root, folder))
    ? undefined
    : folders.find((folder) => isWithin(folder, root));
};

/** Tools that ask VS Code's Git extension, which runs Git; nothing that a model says becomes one of its options. */
export const gitTools: OwnToolTable<"hotpath_gitDiff" | "hotpath_gitLog"> = {
  hotpath_gitDiff: createOwnTool("hotpath_gitDiff", {
    needsTrust: true,
    says: () => vscode.l10n.t("Reading uncommitted changes"),
    async run({ path: only, isStaged = false }, { roomUnits }) {
      const place = only === undefined ? undefined : await resolveHere(only);
      const repository = await repositoryOf(place?.file);
      const root = repository.rootUri.fsPath;
      const isWanted = (file: string) => !place || isWithin(file, place.file) || isWithin(file, place.realFile);
      let isHidden = false;
      // What lies outside of the workspace, or looks like a secret, is left out without a name.
      const { diff, unread } = withoutFiles(await repository.diff(isStaged), (name) => {
        // Stands for the side of a file that came or went.
        if (name === "/dev/null") return false;
        const file = path.join(root, name);
        if (!isWanted(file)) return true;
        if (shownUri(vscode.Uri.file(file)) !== undefined) return false;
        isHidden = true;
        return true;
      });
      const which = isStaged ? "staged" : "unstaged";
      if (diff.trim() === "" && (isHidden || unread > 0)) return "There are changes, but none that can be shown.";
      if (diff.trim() === "") return `There are no ${which} changes of tracked files.`;
      const isCut = diff.length > roomUnits;
      return `The ${which} changes:\n${diff.slice(0, roomUnits)}${isCut ? "\n… cut: ask for one file at a time." : ""}`;
    },
  }),

  hotpath_gitLog: createOwnTool("hotpath_gitLog", {
    needsTrust: true,
    says: () => vscode.l10n.t("Reading the history"),
    async run({ path: only, count = usualCommits }, { roomUnits }) {
      const place = only === undefined ? undefined : await resolveHere(only);
      const repository = await repositoryOf(place?.file);
      const about = logPath(repository, place?.file);
      const commits = await repository.log({ maxEntries: count, ...(about === undefined ? {} : { path: about }) });
      const lines = commits.map(({ hash, message, authorName = "", authorDate }) => {
        const day = authorDate ? authorDate.toISOString().slice(0, 10) : "";
        return `${hash.slice(0, 10)} ${day} ${authorName}: ${shortLine(message.split("\n", 1)[0] ?? "")}`;
      });
      return listLines(`The last ${counted(lines.length, "commit")}, the newest first:`, lines, roomUnits);
    },
  }),
};
