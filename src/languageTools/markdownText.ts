// An invisible character that keeps two others from being read as one mark.
const wordJoiner = "\u2060";

/**
 * Escaped, so that nothing in it is taken for Markdown: no link, no picture, no icon (`$(name)`, which VS Code looks for
 * behind the escapes). Unlike with `appendText`, lines still wrap.
 */
export const escapeMarkdown = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll("$(", `$${wordJoiner}(`)
    .replaceAll(/[!-/:-@[-`{-~]/g, String.raw`\$&`);

/** Whether a name means the same as text and as Markdown, so that it may stand in the title of a question. */
export const isPlainName = (name: string): boolean =>
  name.length <= 100 && /^(?:[\p{L}\p{N}./: -]|(?<=[\p{L}\p{N}])_(?=[\p{L}\p{N}]))+$/u.test(name);

/** One line as code that wraps; nothing in it ends it. */
export const codeSpan = (line: string): string => {
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const ticks = "`".repeat(longest + 1);
  return `${ticks} ${line} ${ticks}`;
};
