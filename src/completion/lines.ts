/** Units of the first line, without its end. */
export const lineLength = (text: string): number => {
  const end = text.indexOf("\n");
  return end < 0 ? text.length : end;
};

export const firstLine = (text: string): string => text.slice(0, lineLength(text));

export const lastLine = (text: string): string => text.slice(text.lastIndexOf("\n") + 1);

/** In columns; a tab reaches to the next fourth one. */
export const indentation = (line: string): number => {
  let column = 0;
  for (const character of line) {
    if (character === "\t") column += 4 - (column % 4);
    else if (character === " ") column++;
    else break;
  }
  return column;
};

/** Nothing but what closes brackets, strings and statements. */
export const onlyClosers = /^[)\]}>"'`;,:\s]*$/;
