import fs from "node:fs";
import { languageOf } from "./languageOf.ts";
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
    python: ["py", "pyi", "ipynb"],
    go: ["go"],
    rust: ["rs"],
    java: ["java"],
  }).flatMap(([family, extensions]) => extensions.map((extension) => [extension, family] as const)),
);

/**
 * @param folder holds `ecmascript.bin` and so on; null: no language has a text.
 * @param onProblem is told once of each text that cannot be read.
 */
export const createStandardTexts = (
  vocabulary: Vocabulary,
  folder: URL | null,
  onProblem: (message: string) => void,
): StandardTexts => {
  const read = (from: URL, family: string): StandardText | undefined => {
    try {
      return createStandardText(fs.readFileSync(new URL(`${family}.bin`, from)), vocabulary);
    } catch (error) {
      // The words of the workspace are still there.
      const reason = error instanceof Error ? error.message : String(error);
      onProblem(`The predictor does without the standard text of ${family}: ${reason}`);
      return undefined;
    }
  };
  const texts = new Map<string, StandardText | undefined>();
  return {
    of(path) {
      const family = families.get(languageOf(path));
      if (family === undefined || folder === null) return undefined;
      if (!texts.has(family)) texts.set(family, read(folder, family));
      return texts.get(family);
    },
    bytes: () => [...texts.values()].reduce((sum, text) => sum + (text?.bytes ?? 0), 0),
  };
};
