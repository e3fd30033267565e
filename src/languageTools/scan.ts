import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../base/clock.ts";
import { createWorkspaceRules, type FolderRules, type LearnedFolder } from "../predictor/folderRules.ts";
import { globMatcher } from "../predictor/globs.ts";
import { isSource, readSource } from "../predictor/sourceFile.ts";
import { shortLine } from "./resultText.ts";

/** What to look for in the workspace; sent to a worker, so plain data. */
export type ScanRequest = {
  readonly folders: readonly (LearnedFolder & {
    /** Stands before the paths of its files, "" or with a `/` at its end. */
    readonly prefix: string;
  })[];
  /** Absolute: only this folder, instead of all. */
  readonly under?: string;
  /** Whether `.gitignore` files above the folders count. */
  readonly readsAbove: boolean;
  /** Files whose path matches; one without `/` goes by the file's name. */
  readonly files?: string;
  /** What a line must hold; undefined: the files themselves are looked for. */
  readonly line?: { readonly source: string; readonly flags: string };
  /** List only what lies directly in the folder, folders too. */
  readonly isShallow: boolean;
  /** Texts that are not saved yet, by absolute path: they count instead of the disk's. */
  readonly openTexts: Readonly<Record<string, string>>;
  readonly maxHits: number;
  /** After this a scan ends with what it has. */
  readonly timeoutMs: number;
};

export type ScanResult = {
  /** One line each: `src/a.ts`, or `src/a.ts:12: text`. Folder by folder. */
  readonly hits: readonly string[];
  readonly filesRead: number;
  /** Why there may be more. */
  readonly end: "complete" | "full" | "timeout";
};

const maxHitsInFile = 20;
const maxListedFiles = 200_000;

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);

const pathIn = (root: string, file: string): string => path.relative(root, file).split(path.sep).join("/");

/** Undefined: nobody can read the glob. */
export const fileFilter = (glob: string | undefined): ((relative: string) => boolean) | undefined => {
  if (glob === undefined) return () => true;
  return globMatcher(glob.includes("/") ? glob : `**/${glob}`);
};

/**
 * Goes through the workspace's files as its `.gitignore` files and exclusions allow; follows no link, reads no file that
 * looks like a secret, a binary or generated. Runs in a worker: expressions from models may take forever.
 */
export const scan = async (request: ScanRequest, clock: Pick<Clock, "nowMs">): Promise<ScanResult> => {
  const endMs = clock.nowMs() + request.timeoutMs;
  const rules = createWorkspaceRules(request.folders, request.readsAbove);
  const prefixes = new Map(request.folders.map(({ root, prefix }) => [path.resolve(root), prefix]));
  const expression = request.line && new RegExp(request.line.source, request.line.flags);
  const wanted = fileFilter(request.files);
  const hits: string[] = [];
  let filesRead = 0;
  /** Lines match that are not among the hits. */
  let isCut = false;
  const result = (end: ScanResult["end"]): ScanResult => ({ hits, filesRead, end });
  if (!wanted) return result("complete");

  const searchFile = async (file: string, shown: string): Promise<void> => {
    const open = request.openTexts[file];
    const text = open === undefined ? await readSource(file) : isSource(open) ? open : undefined;
    if (text === undefined) return;
    filesRead++;
    let inFile = 0;
    for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
      const at = line.search(expression!);
      if (at < 0) continue;
      if (inFile >= maxHitsInFile || hits.length >= request.maxHits) {
        isCut = true;
        return;
      }
      hits.push(`${shown}:${index + 1}: ${shortLine(line, at)}`);
      inFile++;
    }
  };

  const start = request.under === undefined ? undefined : rules.of(request.under);
  if (request.under !== undefined && !(await start?.allows(request.under, true))) return result("complete");
  const stack: [string, FolderRules][] = start
    ? [[request.under!, start]]
    : rules.all.map((folderRules): [string, FolderRules] => [folderRules.root, folderRules]).toReversed();
  const visited = new Set<string>();
  let listed = 0;
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [folder, folderRules] = next;
    if (visited.has(folder)) continue;
    visited.add(folder);
    const { root } = folderRules;
    const prefix = prefixes.get(root) ?? "";
    const below: [string, FolderRules][] = [];
    for (const entry of (await readdir(folder, { withFileTypes: true }).catch(() => [])).toSorted(byName)) {
      const isFolder = entry.isDirectory();
      const file = path.join(folder, entry.name);
      if (!(isFolder || entry.isFile()) || !(await folderRules.allows(file, isFolder))) continue;
      if (clock.nowMs() > endMs) return result("timeout");
      const relative = pathIn(root, file);
      if (isFolder && !request.isShallow) below.push([file, rules.of(file) ?? folderRules]);
      if (isFolder ? !request.isShallow : !wanted(relative)) continue;
      if (++listed > maxListedFiles || hits.length >= request.maxHits) return result("full");
      if (expression) await searchFile(file, prefix + relative);
      else hits.push(prefix + relative + (isFolder ? "/" : ""));
    }
    // Depth first, so that what lies together is found together.
    for (const one of below.toReversed()) stack.push(one);
  }
  return result(isCut ? "full" : "complete");
};
