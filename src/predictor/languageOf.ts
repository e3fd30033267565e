/** The extension of a path or address, in lower case, a notebook cell's that of its notebook; "" where there is none. */
export const languageOf = (path: string): string => {
  // Only an address has a fragment, and a drive's letter is no scheme.
  const file = /^[a-z][\w+.-]+:/i.test(path) ? path.replace(/#.*$/, "") : path;
  return /[^/\\]\.([^./\\]{1,12})$/.exec(file)?.[1]?.toLowerCase() ?? "";
};
