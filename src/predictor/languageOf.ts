/** The extension of a path or address, in lower case, a notebook cell's that of its notebook; "" where there is none. */
export const languageOf = (path: string): string => {
  const file = path.replace(/#.*$/, "");
  return /[^/\\]\.([^./\\]{1,12})$/.exec(file)?.[1]?.toLowerCase() ?? "";
};
