import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Larger files are data or generated, and cost more than they teach. */
export const maxFileBytes = 200_000;
const maxLineUnits = 5000;
const maxMeanLineUnits = 250;

/** Whether text reads like source: no NUL, and lines that a person might have written. */
export const isSource = (text: string): boolean => {
  if (text.includes("\0")) return false;
  let lines = 1;
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
    if (end - from > maxLineUnits) return false;
    lines++;
    from = end + 1;
  }
  return text.length - from <= maxLineUnits && text.length / lines <= maxMeanLineUnits;
};

/** Reads a file if it is a plain one of at most {@link maxFileBytes} that holds source. Follows no link, never throws. */
export const readSource = async (file: string): Promise<string | undefined> => {
  // O_NOFOLLOW: the entry may have become a link since it was listed. Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let handle;
  try {
    handle = await open(file, flags);
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size === 0 || stat.size > maxFileBytes) return undefined;
    const text = await handle.readFile("utf8");
    return isSource(text) ? text : undefined;
  } catch {
    return undefined;
  } finally {
    await handle?.close().catch(() => undefined);
  }
};
