/** A process as systeminformation lists it. */
export type ListedProcess = {
  readonly pid: number;
  readonly parentPid: number;
  /** Without a path; on a Mac with words that stand behind the program: "ollama runner". */
  readonly name: string;
  /** The program, and words behind it; on Windows the whole command line, or the name where that is hidden. */
  readonly command: string;
  /** What follows from the first option or path on; on Windows always empty. */
  readonly params: string;
};

const wordsOf = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

/** Windows hands a program one line, in which quotes keep blanks together. */
const windowsWords = (line: string): readonly string[] =>
  (line.match(/(?:\\"|"(?:\\"|[^"])*"?|[^\s"])+/g) ?? []).map((word) =>
    word.replaceAll(/\\?"/g, (quote) => (quote === '"' ? "" : '"')),
  );

/**
 * What a process was started with, by the system's list; undefined: the list does not tell. Elsewhere than on Windows a
 * path with blanks is in pieces, which no option is mistaken for, and a list that has lost the arguments (a colon does
 * that) looks like one of a program that has none.
 */
export const listedArguments = (
  { name, command, params }: Pick<ListedProcess, "name" | "command" | "params">,
  platform: NodeJS.Platform,
): readonly string[] | undefined => {
  if (platform === "win32") return command === name ? undefined : windowsWords(command).slice(1);
  const behind = [...wordsOf(command).slice(1), ...wordsOf(params)];
  return behind.length > 0 ? behind : undefined;
};

/** The same by Linux's `/proc/<pid>/cmdline`, which has no text for a process that has ended. */
export const commandLineArguments = (text: string): readonly string[] | undefined =>
  text === "" ? undefined : text.split("\0").slice(1);
