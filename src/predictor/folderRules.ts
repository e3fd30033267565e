import { lstat } from "node:fs/promises";
import path from "node:path";
import ignore, { type Ignore } from "ignore";
import { isSecretLike } from "../base/secretFiles.ts";
import { globMatcher } from "./globs.ts";
import { readSource } from "./sourceFile.ts";

/** A glob of `files.exclude`; with `when`, it holds only beside a file of that name, as in `$(basename).ts`. */
export type ExcludedGlob = { readonly glob: string; readonly when?: string };

/** One folder of the workspace, and what its settings leave out. */
export type LearnedFolder = {
  /** Absolute path. */
  readonly root: string;
  /** Relative to `root`, as in `files.exclude`; a glob that matches a folder excludes all below it. */
  readonly exclude: readonly ExcludedGlob[];
};

/** Decides which files of one folder may be learned. */
export type FolderRules = {
  readonly root: string;
  /** Whether neither `.gitignore` files nor the given globs nor the fixed list exclude `file`, a path below `root`. */
  allows(file: string, isFolder: boolean): Promise<boolean>;
};

const skippedFolders = new Set([".git", ".hg", ".svn", "node_modules"]);
// Written by tools and of no use as an example.
const generatedFiles =
  /^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|cargo\.lock|poetry\.lock|go\.sum|.*\.(map|min\.js|min\.css))$/i;
// Never text: to find that out by reading would cost a read each.
const binaryFiles =
  /\.(png|jpe?g|gif|webp|avif|bmp|ico|icns|tiff?|psd|mp[34]|mov|avi|webm|ogg|wav|flac|woff2?|ttf|otf|eot|pdf|zip|gz|tgz|bz2|xz|zst|7z|rar|jar|war|class|exe|dll|so|dylib|a|o|obj|lib|pyc|wasm|bin|dat|db|sqlite3?|gguf|safetensors|onnx|pt|npy|parquet)$/i;

/**
 * Whether a file of this path is never learned: it may hold secrets, which nothing should repeat or keep elsewhere, or
 * nobody wrote it.
 */
export const isNeverLearned = (file: string): boolean =>
  isSecretLike(file) || generatedFiles.test(path.basename(file)) || binaryFiles.test(file);

/** Whether `file` is `folder` or lies below it. Both absolute. */
export const isInside = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return relative === "" || (!path.isAbsolute(relative) && relative !== ".." && !relative.startsWith(`..${path.sep}`));
};

/** The folder that holds `.git`, at `folder` or above it; undefined: it lies in no repository. */
const repositoryRoot = async (folder: string): Promise<string | undefined> => {
  for (let at = folder; ; at = path.dirname(at)) {
    if (await lstat(path.join(at, ".git")).catch(() => undefined)) return at;
    if (path.dirname(at) === at) return undefined;
  }
};

/**
 * A rule with more `**`, or more stars in one name, than anybody writes, many that come near, or a path deeper than any
 * project's take expressions minutes to judge: a folder from elsewhere must not keep a thread busy for ever.
 */
const mostChoices = 3;
const mostSlowRules = 100;
const deepestFolder = 64;

/** In how many places an expression for the rule may go back: at each `**`, and at each star of a name but the first. */
const choicesIn = (rule: string): number =>
  rule.split("/").reduce((sum, name) => sum + (name === "**" ? 1 : Math.max(0, name.split("*").length - 2)), 0);

const quickRules = (text: string): string => {
  let slow = 0;
  const isQuick = (rule: string): boolean => {
    const choices = choicesIn(rule);
    return choices < 2 || (choices <= mostChoices && ++slow <= mostSlowRules);
  };
  return text.split("\n").filter(isQuick).join("\n");
};

const slashed = (file: string): string => file.split(path.sep).join("/");

/**
 * @param readsAbove whether `.gitignore` files above the folder count, up to the root of its repository: they lie outside
 * of what the user opened
 */
export const createFolderRules = ({ root, exclude }: LearnedFolder, readsAbove: boolean): FolderRules => {
  // A glob that nobody can read excludes nothing, as in the editor.
  const globs = exclude.flatMap(({ glob, when }) => {
    const matches = globMatcher(glob);
    return matches ? [{ matches, when }] : [];
  });
  const ignores = new Map<string, Promise<Ignore | undefined>>();
  const verdicts = new Map<string, Promise<boolean>>();

  const readIgnore = (file: string): Promise<Ignore | undefined> => {
    let rules = ignores.get(file);
    if (!rules) {
      // Read like any other file: a folder from elsewhere may have put a link or a device in its place.
      rules = readSource(file).then((text) => (text === undefined ? undefined : ignore().add(quickRules(text))));
      ignores.set(file, rules);
    }
    return rules;
  };

  /** What the ignore files from `top` down to the file's own folder say; the rules of a deeper folder have the last word. */
  const isIgnoredFrom = async (top: string, file: string, isFolder: boolean): Promise<boolean> => {
    let isIgnored = false;
    const below = path.relative(top, file).split(path.sep);
    const apply = (rules: Ignore | undefined, depth: number) => {
      const result = rules?.test(below.slice(depth).join("/") + (isFolder ? "/" : ""));
      if (result?.ignored) isIgnored = true;
      else if (result?.unignored) isIgnored = false;
    };
    apply(await readIgnore(path.join(top, ".git", "info", "exclude")), 0);
    for (let depth = 0; depth < below.length; depth++) {
      apply(await readIgnore(path.join(top, ...below.slice(0, depth), ".gitignore")), depth);
    }
    return isIgnored;
  };

  /** Where ignore files begin to count. */
  const findTop = async (): Promise<string> => {
    const top = readsAbove ? ((await repositoryRoot(root)) ?? root) : root;
    // Who opens a folder that its repository ignores wants to work in it.
    return top !== root && (await isIgnoredFrom(top, root, true)) ? root : top;
  };
  let top: Promise<string> | undefined;

  const isExcluded = async (file: string): Promise<boolean> => {
    const relative = slashed(path.relative(root, file));
    for (const { matches, when } of globs) {
      if (!matches(relative)) continue;
      if (when === undefined) return true;
      const sibling = when.replaceAll("$(basename)", path.basename(file, path.extname(file)));
      const isThere = await lstat(path.join(path.dirname(file), path.basename(sibling))).catch(() => undefined);
      if (isThere) return true;
    }
    return false;
  };

  const judge = async (file: string, isFolder: boolean): Promise<boolean> => {
    // Where the folder itself lies says nothing about its files.
    if (isFolder ? skippedFolders.has(path.basename(file)) : isNeverLearned(path.relative(root, file))) return false;
    if (path.relative(root, file).split(path.sep).length > deepestFolder) return false;
    if (path.dirname(file) !== root && !(await allowsFolder(path.dirname(file)))) return false;
    if (await isExcluded(file)) return false;
    return !(await isIgnoredFrom(await (top ??= findTop()), file, isFolder));
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
      if (file === root) return isFolder;
      return isFolder ? allowsFolder(file) : judge(file, false);
    },
  };
};

/** The rules of all folders of a workspace; a folder that lies in another one has its own. */
export const createWorkspaceRules = (
  folders: readonly LearnedFolder[],
  readsAbove: boolean,
): { readonly all: readonly FolderRules[]; of(file: string): FolderRules | undefined } => {
  const all = folders.map(({ root, exclude }) => createFolderRules({ root: path.resolve(root), exclude }, readsAbove));
  const deepestFirst = all.toSorted((a, b) => b.root.length - a.root.length);
  return { all, of: (file) => deepestFirst.find(({ root }) => isInside(file, root)) };
};
