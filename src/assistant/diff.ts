/**
 * A Git diff without the files for which `isLeftOut` is true, by their old or new path, and the paths that were left out.
 */
export const withoutFiles = (
  diff: string,
  isLeftOut: (path: string) => boolean,
): { readonly diff: string; readonly leftOut: readonly string[] } => {
  const leftOut: string[] = [];
  const kept = diff.split(/^(?=diff --(?:git|cc|combined) )/m).filter((section) => {
    const path = pathsOf(section).find(isLeftOut);
    if (path !== undefined) leftOut.push(path);
    return path === undefined;
  });
  return { diff: kept.join(""), leftOut };
};

/** Quoted names hold escapes; what matters of a name, its ending and its folders, is the same with them. */
const pathsOf = (section: string): readonly string[] => {
  // What follows is the files' own text.
  const [header = ""] = section.split(/^@@/m, 1);
  const [firstLine = ""] = header.split("\n", 1);
  const named = header.matchAll(/^(?:---|\+\+\+|rename from) "?(?:[ab]\/)?([^\t\n"]*)/gm);
  // Without text changes the paths stand in the first line only, where a space may be part of one.
  const [, first = "", second = ""] = / "?a\/(.*?)"? "?b\/(.*?)"?$/.exec(firstLine) ?? [];
  const [, merged = ""] = /^diff --(?:cc|combined) "?(.*?)"?$/.exec(firstLine) ?? [];
  return [...[...named].map(([, name]) => name!), first, second, merged].filter((name) => name !== "");
};
