/**
 * A Git diff without the files for which `isLeftOut` is true, by their old or new path, and the paths that were left out.
 * `unread`: how many parts were left out because no path can be read there: another program wrote them, as one that
 * `diff.external` or `.gitattributes` names.
 */
export const withoutFiles = (
  diff: string,
  isLeftOut: (path: string) => boolean,
): { readonly diff: string; readonly leftOut: readonly string[]; readonly unread: number } => {
  const leftOut: string[] = [];
  const kept: string[] = [];
  let unread = 0;
  // Only a line feed ends a line here: a carriage return may stand in the middle of a file's own text.
  for (const section of diff.split(/(?<=^|\n)(?=diff --(?:git|cc|combined) )/)) {
    const lines = section.split(/(?<=\n)/);
    const headerLines = lines[0]?.startsWith("diff --") ? countHeaderLines(lines) : 0;
    const paths = pathsOf(lines.slice(0, headerLines).join(""));
    const ownLines = paths.length === 0 ? 0 : headerLines + countHunkLines(lines, headerLines);
    // A program that is asked for one file has its answer put behind the file before, with no line of Git's between.
    if (lines.slice(ownLines).join("").trim() !== "") unread++;
    const path = paths.find(isLeftOut);
    if (path === undefined) kept.push(lines.slice(0, ownLines).join(""));
    else leftOut.push(path);
  }
  return { diff: kept.join(""), leftOut, unread };
};

/** What stands above the first hunk, behind the first line. @see https://git-scm.com/docs/diff-format */
const headerLine =
  /^(?:(?:old |new |deleted file |new file )?mode|(?:copy|rename) (?:from|to)|(?:dis)?similarity index|index|---|\+\+\+|Binary files) /;

const countHeaderLines = (lines: readonly string[]): number => {
  const end = lines.findIndex((line, index) => index > 0 && !headerLine.test(line));
  return end < 0 ? lines.length : end;
};

/** A merge has as many old sides as it has parents, and a column of marks for each. */
const hunkHead = /^(@@+) ((?:-\d+(?:,\d+)? )+)\+\d+(?:,(\d+))? \1/;

const countHunkLines = (lines: readonly string[], from: number): number => {
  let at = from;
  for (let head = hunkHead.exec(lines[at] ?? ""); head; head = hunkHead.exec(lines[at] ?? "")) {
    const [, , sides = "", newLines = "1"] = head;
    const oldLeft = [...sides.matchAll(/-\d+(?:,(\d+))?/g)].map(([, count = "1"]) => Number(count));
    let newLeft = Number(newLines);
    for (at++; at < lines.length && (newLeft > 0 || oldLeft.some((left) => left > 0)); at++) {
      const line = lines[at]!.replace(/\n$/, "");
      if (line.startsWith("\\")) continue;
      // With `diff.suppressBlankEmpty` a blank line that stays has no marks.
      const marks = line.slice(0, oldLeft.length).padEnd(oldLeft.length);
      const isGone = marks.includes("-");
      for (const [side, mark] of marks.split("").entries()) if (mark === (isGone ? "-" : " ")) oldLeft[side]!--;
      if (!isGone) newLeft--;
    }
    // "\ No newline at end of file"
    if (lines[at]?.startsWith("\\ ")) at++;
  }
  return at - from;
};

/** Quoted names hold escapes; what matters of a name, its ending and its folders, is the same with them. */
const pathsOf = (header: string): readonly string[] => {
  const [firstLine = ""] = header.split("\n", 1);
  // With `diff.mnemonicPrefix` the sides are called i/ (index), w/ (working tree), c/ (commit) and o/ (object).
  const named = header.matchAll(/^(?:---|\+\+\+|rename from) "?(?:[abciwo]\/)?([^\t\n"]*)/gm);
  // Without text changes the paths stand in the first line only, where a space may be part of one.
  const [, first = "", second = ""] = / "?[aciwo]\/(.*?)"? "?[bciwo]\/(.*?)"?$/.exec(firstLine) ?? [];
  const [, merged = ""] = /^diff --(?:cc|combined) "?(.*?)"?$/.exec(firstLine) ?? [];
  return [...[...named].map(([, name]) => name!), first, second, merged].filter((name) => name !== "");
};
