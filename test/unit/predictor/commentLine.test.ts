import assert from "node:assert/strict";
import { test } from "node:test";
import { endsInComment } from "../../../src/predictor/commentLine.ts";

const rows: readonly (readonly [path: string, line: string, isComment: boolean])[] = [
  ["a.ts", "  // about", true],
  ["a.ts", "  /* about", true],
  ["a.ts", "   * about", true],
  ["a.ts", "   *", true],
  ["a.ts", "   */", true],
  ["a.ts", "const a = 1; // about", true],
  ["a.ts", "const a = 'http://b", false],
  ["a.ts", "  # b", false],
  ["a.ts", "  *values() {", false],
  ["a.go", "\t*p = value", false],
  ["a.rs", "    *count += 1;", false],
  ["a.py", "# about", true],
  ["a.py", "a = 1 # about", true],
  ["a.py", "  #about", true],
  ["a.py", "a = b // c", false],
  ["a.py", "    *rest,", false],
  ["vscode-notebook-cell:/w/a.ipynb#W0", "a = b // c", false],
];

for (const [path, line, isComment] of rows) {
  test(`${isComment ? "comment" : "code"} ${path}: ${line}`, () => assert.equal(endsInComment(path, line), isComment));
}
