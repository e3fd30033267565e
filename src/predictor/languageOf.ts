const extensions: Readonly<Record<string, string>> = {
  typescript: "ts",
  typescriptreact: "tsx",
  javascript: "js",
  javascriptreact: "jsx",
  python: "py",
  rust: "rs",
  markdown: "md",
};

/** The address of a document without a file, such that {@link languageOf} tells the language that VS Code takes it for. */
export const addressIn = (languageId: string, address: string): string =>
  `${address}.${extensions[languageId] ?? languageId}`;

/**
 * The extension of a path or address, in lower case; "" where there is none. A notebook cell's is that behind its fragment,
 * or else that of its notebook.
 */
export const languageOf = (path: string): string => {
  // Only an address has a fragment, and a drive's letter is no scheme.
  const file = /^[a-z][\w+.-]+:/i.test(path) ? path.replace(/#[^.]*$/, "") : path;
  return /[^/\\]\.([^./\\]{1,12})$/.exec(file)?.[1]?.toLowerCase() ?? "";
};
