/**
 * A Git diff without the files for which `isLeftOut` is true, by their old or new path, and the paths that were left out.
 * `unread`: how many parts were left out because no path can be read there, as where another program writes the diff.
 */
export const withoutFiles = (
  diff: string,
  isLeftOut: (path: string) => boolean,
): { readonly diff: string; readonly leftOut: readonly string[]; readonly unread: number } => {
  const leftOut: string[] = [];
  let unread = 0;
  const kept = diff.split(/^(?=diff --(?:git|cc|combined) )/m).filter((section) => {
    const paths = pathsOf(section);
    if (!section.startsWith("diff --") || paths.length === 0) {
      if (section.trim() !== "") unread++;
      return false;
    }
    const path = paths.find(isLeftOut);
    if (path !== undefined) leftOut.push(path);
    return path === undefined;
  });
  return { diff: kept.join(""), leftOut, unread };
};

/** Quoted names hold escapes; what matters of a name, its ending and its folders, is the same with them. */
const pathsOf = (section: string): readonly string[] => {
  // What follows is the files' own text.
  const [header = ""] = section.split(/^@@/m, 1);
  const [firstLine = ""] = header.split("\n", 1);
  // With `diff.mnemonicPrefix` the sides are called i/ (index), w/ (working tree), c/ (commit) and o/ (object).
  const named = header.matchAll(/^(?:---|\+\+\+|rename from) "?(?:[abciwo]\/)?([^\t\n"]*)/gm);
  // Without text changes the paths stand in the first line only, where a space may be part of one.
  const [, first = "", second = ""] = / "?[aciwo]\/(.*?)"? "?[bciwo]\/(.*?)"?$/.exec(firstLine) ?? [];
  const [, merged = ""] = /^diff --(?:cc|combined) "?(.*?)"?$/.exec(firstLine) ?? [];
  return [...[...named].map(([, name]) => name!), first, second, merged].filter((name) => name !== "");
};
