import path from "node:path";
import ignore, { type Ignore } from "ignore";
import { readSource } from "./sourceFile.ts";

/** Decides which files of one folder may be learned. */
export type FolderRules = {
  readonly root: string;
  /** Whether neither `.gitignore` files nor the given globs nor the fixed list exclude `file`, a path below `root`. */
  allows(file: string, isFolder: boolean): Promise<boolean>;
};

const skippedFolders = new Set([".git", ".hg", ".svn", "node_modules"]);
// Written by tools and of no use as an example, or likely to hold secrets that nothing should repeat elsewhere.
const skippedFiles =
  /^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|cargo\.lock|poetry\.lock|go\.sum|\.env(\..*)?|\.npmrc|\.netrc|id_[a-z0-9]+|.*\.(pem|key|p12|pfx|keystore|map|min\.js|min\.css))$/i;

/** Whether a file of this name is never learned, wherever it lies: it may hold secrets, or nobody wrote it. */
export const isNeverLearned = (file: string): boolean => skippedFiles.test(path.basename(file));

/** Whether `file` is `folder` or lies below it. Both absolute. */
export const isInside = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return relative === "" || (!path.isAbsolute(relative) && relative !== ".." && !relative.startsWith(`..${path.sep}`));
};

// In the editor's globs `*` and `**` match names that begin with a dot, in Node's they do not: hide those dots.
const hideDotsInPath = (relative: string): string => relative.replace(/(^|\/)\./g, "$1\uE000.");
const hideDotsInGlob = (glob: string): string => glob.replace(/(^|[/{,])\./g, "$1\uE000.");

const matches = (hiddenPath: string, hiddenGlob: string): boolean => {
  try {
    return path.posix.matchesGlob(hiddenPath, hiddenGlob);
  } catch {
    // A glob that nobody can read excludes nothing, as in the editor.
    return false;
  }
};

/** @param exclude globs relative to `root` as in `files.exclude`; one that matches a folder excludes all below it. */
export const createFolderRules = (root: string, exclude: readonly string[]): FolderRules => {
  const globs = exclude.map((glob) => hideDotsInGlob(glob.replace(/^\.?\//, "").replace(/\/$/, "")));
  const ignores = new Map<string, Promise<Ignore | undefined>>();
  const verdicts = new Map<string, Promise<boolean>>();

  const readIgnore = (folder: string): Promise<Ignore | undefined> => {
    let rules = ignores.get(folder);
    if (!rules) {
      // Read like any other file: a folder from elsewhere may have put a link or a device in its place.
      rules = readSource(path.join(folder, ".gitignore")).then((text) =>
        text === undefined ? undefined : ignore().add(text),
      );
      ignores.set(folder, rules);
    }
    return rules;
  };

  const isIgnoredByGit = async (file: string, isFolder: boolean): Promise<boolean> => {
    let isIgnored = false;
    const below = path.relative(root, file).split(path.sep);
    // The rules of a deeper folder have the last word.
    for (let depth = 0; depth < below.length; depth++) {
      const rules = await readIgnore(path.join(root, ...below.slice(0, depth)));
      const result = rules?.test(below.slice(depth).join("/") + (isFolder ? "/" : ""));
      if (result?.ignored) isIgnored = true;
      else if (result?.unignored) isIgnored = false;
    }
    return isIgnored;
  };

  const judge = async (file: string, isFolder: boolean): Promise<boolean> => {
    const name = path.basename(file);
    if (isFolder ? skippedFolders.has(name) : skippedFiles.test(name)) return false;
    if (path.dirname(file) !== root && !(await allowsFolder(path.dirname(file)))) return false;
    const relative = hideDotsInPath(path.relative(root, file).split(path.sep).join("/"));
    if (globs.some((glob) => matches(relative, glob))) return false;
    return !(await isIgnoredByGit(file, isFolder));
  };

  const allowsFolder = (folder: string): Promise<boolean> => {
    let verdict = verdicts.get(folder);
    if (!verdict) {
      verdict = judge(folder, true);
      verdicts.set(folder, verdict);
    }
    return verdict;
  };

  return {
    root,
    async allows(file, isFolder) {
      if (!isInside(file, root)) return false;
      if (path.relative(root, file) === "") return isFolder;
      return isFolder ? allowsFolder(file) : judge(file, false);
    },
  };
};
