import { lstat, realpath } from "node:fs/promises";
import path from "node:path";
import { isSecretLike } from "../base/secretFiles.ts";
import { ToolError } from "./toolError.ts";

/** A folder that is open in the window. */
export type OpenFolder = {
  readonly name: string;
  /** Absolute path. */
  readonly root: string;
};

/** How a path's text reads, before anything was asked of the disk. */
export type NamedPath = {
  readonly folder: OpenFolder;
  /** Absolute. */
  readonly file: string;
  /** Relative to the folder, with `/`; "" is the folder itself. */
  readonly relative: string;
};

/** A path that lies in the workspace also after following all links, and holds neither secrets nor Git's own data. */
export type WorkspacePath = NamedPath & {
  /** Where links lead, absolute. */
  readonly realFile: string;
  /** The same relative to the folder that it lies in; differs from `relative` where a link is on the way. */
  readonly realRelative: string;
  readonly exists: boolean;
};

const maxPathUnits = 1000;
/** Control and format characters (zero-width, right-to-left) make a path read as another one than it is. */
const unreadable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u;
const windowsDevice = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\.|$)/i;

const outside = (): ToolError =>
  new ToolError("outside", "The path is outside of the workspace. Give a path relative to the workspace folder.");

const refuseOwnData = (relative: string): void => {
  if (/(?:^|\/)\.git(?:\/|$)/i.test(relative)) {
    throw new ToolError(
      "protected",
      "Git's own files are off limits. hotpath_gitLog and hotpath_gitDiff tell what they hold.",
    );
  }
  if (isSecretLike(relative) || isSecretLike(`${relative}/`)) {
    throw new ToolError("secret", "By its name this file holds keys or passwords, so no tool reads or changes it.");
  }
};

const isInside = (file: string, root: string, style: path.PlatformPath): boolean => {
  const relative = style.relative(root, file);
  return relative !== ".." && !relative.startsWith(`..${style.sep}`) && !style.isAbsolute(relative);
};

const relativeTo = (root: string, file: string, style: path.PlatformPath): string =>
  style.relative(root, file).split(style.sep).join("/");

/** What a Windows disk reads otherwise than it stands there: streams, devices, names with a dot or blank at the end. */
const refuseWindowsNames = (text: string): void => {
  for (const part of text.replace(/^[a-z]:\//i, "").split("/")) {
    const isPlain = part === "." || part === ".." || !/[. ]$/.test(part);
    if (!isPlain || part.includes(":") || windowsDevice.test(part)) {
      throw new ToolError("input", "The path has a name that Windows reads as another one.");
    }
  }
};

/**
 * Reads a path that a model gave: relative to the workspace folder (behind the folder's name where several are open), or
 * absolute within one. Nothing is decoded and nothing asked of the disk: a path to another machine would already send
 * something there.
 * @throws {ToolError} `input`, `outside`, `protected` or `secret`.
 */
export const readPath = (text: string, folders: readonly OpenFolder[], style: path.PlatformPath = path): NamedPath => {
  if (text.trim() === "") throw new ToolError("input", "The path is empty.");
  if (text.length > maxPathUnits) throw new ToolError("input", `The path is longer than ${maxPathUnits} characters.`);
  if (unreadable.test(text)) throw new ToolError("input", "The path has control or invisible characters.");
  const [only] = folders;
  if (!only) throw new ToolError("unavailable", "No folder is open, so there are no files to work with.");
  const slashed = text.replaceAll("\\", "/");
  const isWindows = style.sep === "\\";
  if (slashed.startsWith("//")) throw outside();
  if (/^[a-z][a-z0-9+.-]*:/i.test(slashed) && !(isWindows && /^[a-z]:\//i.test(slashed))) throw outside();
  if (isWindows) refuseWindowsNames(slashed);

  const isAbsolute = slashed.startsWith("/") || (isWindows && /^[a-z]:\//i.test(slashed));
  const [first = "", ...rest] = slashed.replace(/^(?:\.\/+)+/, "").split("/");
  const named = folders.length > 1 && !isAbsolute ? folders.find(({ name }) => name === first) : undefined;
  if (folders.length > 1 && !isAbsolute && !named) {
    const names = folders.map(({ name }) => name).join(", ");
    throw new ToolError("input", `Several folders are open: begin the path with one of their names (${names}).`);
  }
  const home = named ?? only;
  const file = style.resolve(home.root, named ? rest.join("/") : slashed);
  const folder = isAbsolute
    ? folders.toSorted((a, b) => b.root.length - a.root.length).find(({ root }) => isInside(file, root, style))
    : home;
  if (!folder || !isInside(file, folder.root, style)) throw outside();
  const relative = relativeTo(folder.root, file, style);
  refuseOwnData(relative);
  return { folder, file, relative };
};

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** Where a path leads, and what of its end is not there yet. */
const followLinks = async (file: string): Promise<{ readonly realFile: string; readonly exists: boolean }> => {
  const missing: string[] = [];
  for (let at = file; ; at = path.dirname(at)) {
    try {
      return { realFile: path.join(await realpath(at), ...missing), exists: missing.length === 0 };
    } catch (error) {
      if (codeOf(error) === "ENOTDIR") throw new ToolError("not-found", "A part of the path is a file, not a folder.");
      if (codeOf(error) !== "ENOENT") throw new ToolError("not-found", "The path cannot be followed on this disk.");
      // A link whose target is missing: what is written there would come to be wherever it points.
      if (await lstat(at).catch(() => undefined))
        throw new ToolError("outside", "The path is a link that leads nowhere.");
      if (path.dirname(at) === at) throw new ToolError("not-found", "There is no such folder.");
      missing.unshift(path.basename(at));
    }
  }
};

/**
 * Reads a path that a model gave and follows its links, also those of the folders above a file that does not exist yet.
 * @throws {ToolError} As {@link readPath}; `outside` also where a link leads out of all open folders; `not-found` where
 * the disk cannot follow it.
 */
export const resolvePath = async (text: string, folders: readonly OpenFolder[]): Promise<WorkspacePath> => {
  const named = readPath(text, folders);
  const { realFile, exists } = await followLinks(named.file);
  for (const { root } of folders) {
    const realRoot = await realpath(root).catch(() => undefined);
    if (realRoot === undefined || !isInside(realFile, realRoot, path)) continue;
    const realRelative = relativeTo(realRoot, realFile, path);
    refuseOwnData(realRelative);
    return { ...named, realFile, realRelative, exists };
  }
  throw outside();
};
