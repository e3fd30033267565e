import fs from "node:fs";
import { createStandardText, type StandardText } from "./standardText.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The standard texts of the languages that have one, each read when it is first needed. */
export type StandardTexts = {
  /** The text of a path's language, by its extension; undefined: there is none, or it cannot be read. */
  of(path: string): StandardText | undefined;
  /** Estimated memory in bytes. */
  bytes(): number;
};

const families = new Map(
  Object.entries({
    ecmascript: ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"],
    python: ["py", "pyi"],
    go: ["go"],
    rust: ["rs"],
  }).flatMap(([family, extensions]) => extensions.map((extension) => [extension, family] as const)),
);

const read = (folder: URL, family: string, vocabulary: Vocabulary): StandardText | undefined => {
  try {
    return createStandardText(fs.readFileSync(new URL(`${family}.bin`, folder)), vocabulary);
  } catch {
    // The predictor does without it: the words of the workspace are still there.
    return undefined;
  }
};

/** @param folder holds `ecmascript.bin` and so on; null: no language has a text. */
export const createStandardTexts = (vocabulary: Vocabulary, folder: URL | null): StandardTexts => {
  const texts = new Map<string, StandardText | undefined>();
  return {
    of(path) {
      const family = families.get(/\.(\w{1,5})$/.exec(path)?.[1]?.toLowerCase() ?? "");
      if (family === undefined || folder === null) return undefined;
      if (!texts.has(family)) texts.set(family, read(folder, family, vocabulary));
      return texts.get(family);
    },
    bytes: () => [...texts.values()].reduce((sum, text) => sum + (text?.bytes ?? 0), 0),
  };
};
