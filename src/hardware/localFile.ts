import path from "node:path";

/**
 * A model's file, if what a server told can be one on a disk here: asking for a file of another machine would already
 * send something there, and the name may be pasted into a terminal.
 */
export const localFile = (told: unknown): string | undefined => {
  if (typeof told !== "string" || !path.isAbsolute(told) || !told.endsWith(".gguf")) return undefined;
  return /^[\\/]{2}|[\p{Cc}\p{Cf}\u2028\u2029]/u.test(told) ? undefined : told;
};
