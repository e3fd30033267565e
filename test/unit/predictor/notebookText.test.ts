import assert from "node:assert/strict";
import { test } from "node:test";
import { notebookText } from "../../../src/predictor/notebookText.ts";

test("the cells' text is taken, and no output", () => {
  const notebook = {
    nbformat: 4,
    cells: [
      { cell_type: "markdown", source: "# Title" },
      { cell_type: "code", source: ["a = 1\n", "print(a)"], outputs: [{ text: ["secret output"] }] },
      { cell_type: "code", source: [] },
      { cell_type: "code" },
      { cell_type: "code", source: [1, 2] },
      null,
    ],
  };
  assert.equal(notebookText(JSON.stringify(notebook)), "# Title\n\na = 1\nprint(a)\n\n\n");
});

test("what is no notebook has no text", () => {
  for (const json of ["", "{", "[]", "null", "5", '{"cells":5}']) assert.equal(notebookText(json), undefined, json);
});
