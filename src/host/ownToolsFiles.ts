import * as vscode from "vscode";
import { counted, listLines, pickLines } from "../languageTools/resultText.ts";
import { fileFilter, type ScanRequest, type ScanResult } from "../languageTools/scan.ts";
import { scanInWorker, type ScanOptions } from "../languageTools/scanService.ts";
import { ToolError } from "../languageTools/toolError.ts";
import { createOwnTool, type OwnToolTable } from "./ownTool.ts";
import { openFolders, readText, resolveHere, shownName } from "./ownToolsWorkspace.ts";
import { excludedGlobs } from "./predictorFeed.ts";

const scanTimeoutMs = 10_000;
const maxMatches = 100;
const maxFiles = 1000;
const maxOpenTextUnits = 200_000;

/** What is typed and not saved, so that it is found as it stands in the editor. */
const unsavedTexts = (): Record<string, string> =>
  Object.fromEntries(
    vscode.workspace.textDocuments
      .filter(({ uri, isDirty, isClosed }) => uri.scheme === "file" && isDirty && !isClosed)
      .map((document) => [document.uri.fsPath, document.getText()] as const)
      .filter(([, text]) => text.length <= maxOpenTextUnits),
  );

const inAllFolders = (): Pick<ScanRequest, "folders" | "readsAbove" | "openTexts" | "timeoutMs"> => {
  const folders = openFolders();
  if (folders.length === 0)
    throw new ToolError("unavailable", "No folder is open, so there are no files to work with.");
  return {
    folders: folders.map(({ name, root }) => ({
      root,
      prefix: folders.length > 1 ? `${name}/` : "",
      exclude: excludedGlobs(vscode.Uri.file(root)),
    })),
    // What lies above a folder that is not trusted is none of its business.
    readsAbove: vscode.workspace.isTrusted,
    openTexts: unsavedTexts(),
    timeoutMs: scanTimeoutMs,
  };
};

const checkGlob = (glob: string | undefined): void => {
  if (!fileFilter(glob)) throw new ToolError("input", `"files" is no glob that can be read, such as src/**/*.ts.`);
};

/** @throws {ToolError} `input` */
const lineOf = (query: string, isRegex: boolean): { readonly source: string; readonly flags: string } => {
  const line = {
    source: isRegex ? query : query.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`),
    // As in an editor's search: who types an upper-case letter means it.
    flags: /\p{Lu}/u.test(query) ? "" : "i",
  };
  try {
    const { source, flags } = new RegExp(line.source, line.flags);
    return { source, flags };
  } catch {
    throw new ToolError("input", `"query" is no JavaScript regular expression. Leave out "isRegex" for plain text.`);
  }
};

const endings: Readonly<Record<ScanResult["end"], string>> = {
  complete: "",
  full: " There are more: give a longer query, or files.",
  timeout: ` The search stopped after ${scanTimeoutMs / 1000} s; there may be more.`,
};

/** Tools that find and read files. */
export const fileTools = (
  options: ScanOptions,
): OwnToolTable<"hotpath_searchText" | "hotpath_readFile" | "hotpath_listFiles"> => ({
  hotpath_searchText: createOwnTool("hotpath_searchText", {
    says: ({ query }) => vscode.l10n.t('Searching for "{0}"', query),
    async run({ query, isRegex = false, files }, { signal, roomUnits }) {
      checkGlob(files);
      const request: ScanRequest = {
        ...inAllFolders(),
        line: lineOf(query, isRegex),
        ...(files === undefined ? {} : { files }),
        isShallow: false,
        maxHits: maxMatches,
      };
      const { hits, filesRead, end } = await scanInWorker(options, request, signal);
      const found =
        hits.length === 0
          ? "No line matches"
          : `${counted(hits.length, "line")} ${hits.length === 1 ? "matches" : "match"}`;
      return listLines(`${found} in ${counted(filesRead, "file")}.${endings[end]}`, hits, roomUnits);
    },
  }),

  hotpath_readFile: createOwnTool("hotpath_readFile", {
    says: ({ path }) => vscode.l10n.t("Reading {0}", path),
    async run({ path, startLine, endLine }, { roomUnits }) {
      const place = await resolveHere(path);
      return pickLines(shownName(place), await readText(place), { startLine, endLine, roomUnits });
    },
  }),

  hotpath_listFiles: createOwnTool("hotpath_listFiles", {
    says: ({ folder = "" }) => (folder === "" ? vscode.l10n.t("Listing files") : vscode.l10n.t("Listing {0}", folder)),
    async run({ folder, files }, { signal, roomUnits }) {
      checkGlob(files);
      const place = folder === undefined ? undefined : await resolveHere(folder);
      if (place && !place.exists) throw new ToolError("not-found", "There is no such folder.");
      const request: ScanRequest = {
        ...inAllFolders(),
        ...(place ? { under: place.file } : {}),
        ...(files === undefined ? {} : { files }),
        isShallow: files === undefined,
        maxHits: maxFiles,
      };
      const { hits, end } = await scanInWorker(options, request, signal);
      const what = `${hits.length === 0 ? "Nothing" : hits.length} in ${place ? shownName(place) : "the workspace"}`;
      return listLines(`${what}, without what is ignored or secret.${endings[end]}`, hits, roomUnits);
    },
  }),
});
