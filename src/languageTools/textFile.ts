import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { ToolError } from "./toolError.ts";

const maxFileBytes = 5_000_000;

/**
 * Reads a text file whose links were followed already.
 * @throws {ToolError} `not-found` (also a folder or a device), `too-large` above 5 MB, `binary` if it is no UTF-8 text.
 */
export const readTextFile = async (realFile: string): Promise<string> => {
  // A link may have come into its place since the links were followed; Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(realFile, flags).catch(() => undefined);
  if (!handle) throw new ToolError("not-found", "There is no such file, or it cannot be read.");
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ToolError("not-found", "This is no file. hotpath_listFiles lists a folder.");
    if ((await realpath(realFile).catch(() => "")) !== realFile)
      throw new ToolError("changed", "The file was moved meanwhile.");
    if (stats.size > maxFileBytes) {
      throw new ToolError(
        "too-large",
        "The file is larger than 5 MB. hotpath_searchText finds lines in smaller files.",
      );
    }
    const bytes = await handle.readFile();
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      if (!text.includes("\0")) return text;
    } catch {
      // Said below.
    }
    throw new ToolError("binary", "The file is no text in UTF-8.");
  } finally {
    await handle.close();
  }
};
