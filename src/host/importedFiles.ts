import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { importTargets } from "../completion/imports.ts";
import { outline } from "../completion/outline.ts";
import { isSecretLike } from "../base/secretFiles.ts";

/** What a file says that another one imports, in short. */
export type ImportedFile = { readonly filePath: string; readonly text: string };

export type ReadImportsOptions = {
  /** The importing file, and the workspace folder that it lies in. */
  readonly filePath: string;
  readonly folder: string;
  readonly text: string;
  readonly languageId: string;
  /** The text of a file that is open in an editor, which may differ from the one on disk. */
  readonly openText: (filePath: string) => string | undefined;
  readonly signal: AbortSignal;
};

// Longer files are mostly generated, and reading them costs time.
const maxFileBytes = 200_000;
const maxFiles = 6;
const outlineUnits = 1400;

const isInside = (folder: string, filePath: string): boolean => {
  const relative = path.relative(folder, filePath);
  return relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
};

/** Where it really lies, if that is a readable file of the folder of a sensible size. Links out of the folder do not count. */
const findReal = async (folder: string, filePath: string): Promise<string | undefined> => {
  try {
    const [real, realFolder] = await Promise.all([realpath(filePath), realpath(folder)]);
    if (!isInside(realFolder, real) || isSecretLike(path.relative(realFolder, real))) return undefined;
    const found = await stat(real);
    return found.isFile() && found.size <= maxFileBytes ? real : undefined;
  } catch {
    // Most candidates do not exist.
    return undefined;
  }
};

/**
 * Reads what a file imports from its own workspace folder, at most six files of 200 kB. Never reads outside of the
 * folder, nor what looks like a secret. Ends early, with what it has, when `signal` fires.
 */
export const readImports = async (options: ReadImportsOptions): Promise<readonly ImportedFile[]> => {
  const { filePath, folder, text, languageId, openText, signal } = options;
  const found: ImportedFile[] = [];
  const seen = new Set([filePath]);
  for (const { paths, names } of importTargets(text, languageId)) {
    for (const candidate of paths) {
      if (signal.aborted || found.length >= maxFiles) return found;
      const target = candidate.startsWith("/")
        ? path.join(folder, candidate)
        : path.resolve(path.dirname(filePath), candidate);
      if (!isInside(folder, target) || isSecretLike(path.relative(folder, target))) continue;
      const real = await findReal(folder, target);
      if (real === undefined) continue;
      if (!seen.has(target)) {
        seen.add(target);
        const whole = openText(target) ?? (await readFile(real, "utf8").catch(() => ""));
        // A binary file's text is noise.
        if (!whole.includes("\0")) found.push({ filePath: target, text: outline(whole, names, outlineUnits) });
      }
      break;
    }
  }
  return found;
};
