/**
 * What a person wrote in a Jupyter notebook: the text of its cells, without the outputs. Undefined: it is none.
 *
 * The format: https://nbformat.readthedocs.io/en/latest/format_description.html
 */
export const notebookText = (json: string): string | undefined => {
  let notebook: unknown;
  try {
    notebook = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(notebook) || !Array.isArray(notebook["cells"])) return undefined;
  const cells: readonly unknown[] = notebook["cells"];
  return cells.flatMap(cellText).join("\n");
};

const cellText = (cell: unknown): string[] => {
  const source = isObject(cell) ? cell["source"] : undefined;
  if (typeof source === "string") return [`${source}\n`];
  if (!Array.isArray(source) || !source.every((line) => typeof line === "string")) return [];
  return [`${source.join("")}\n`];
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
