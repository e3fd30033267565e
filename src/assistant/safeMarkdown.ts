// An invisible character that keeps two others from being read as one mark.
const wordJoiner = "\u2060";

/**
 * Makes a model's Markdown harmless to render: images would be fetched from wherever the text says, and raw HTML and
 * formulas can hide things. The marks that begin them are broken everywhere but inside of fenced blocks at the left
 * margin: what else counts as code is too hard to tell from what only looks like it.
 */
export const safeMarkdown = (markdown: string): string => {
  let fence: string | undefined;
  return markdown
    .split(/\r\n?|\n/)
    .map((line) => {
      if (fence !== undefined) {
        const closing = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
        if (closing?.startsWith(fence)) fence = undefined;
        return line;
      }
      const opening = /^(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line);
      if (!opening) return safeLine(line);
      fence = opening[1] ?? opening[2];
      return line;
    })
    .join("\n");
};

const safeLine = (line: string): string =>
  line.replaceAll("![", `!${wordJoiner}[`).replaceAll("<", `<${wordJoiner}`).replaceAll("$$", `$${wordJoiner}$`);
