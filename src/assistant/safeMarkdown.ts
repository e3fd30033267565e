/**
 * Makes a model's Markdown harmless to render: images would be fetched from wherever the text says, and raw HTML can
 * hide things. Outside of code, images become plain links' text and tags become visible characters.
 */
export const safeMarkdown = (markdown: string): string => {
  let fence: string | undefined;
  return markdown
    .split("\n")
    .map((line) => {
      const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
      if (fence === undefined && mark !== undefined) {
        fence = mark;
        return line;
      }
      if (fence !== undefined) {
        const closes = mark !== undefined && mark.startsWith(fence) && line.trim() === mark;
        if (closes) fence = undefined;
        return line;
      }
      return safeLine(line);
    })
    .join("\n");
};

/** Leaves `code` in backquotes as it is. */
const safeLine = (line: string): string =>
  line
    .split(/(`+[^`]*`+)/)
    .map((piece, index) => (index % 2 === 1 ? piece : piece.replaceAll("<", "&lt;").replaceAll("![", "!\\[")))
    .join("");
