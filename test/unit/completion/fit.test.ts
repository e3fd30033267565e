import assert from "node:assert/strict";
import { test } from "node:test";
import { fit } from "../../../src/completion/fit.ts";

const shown = (prefix: string, text: string): string | undefined =>
  fit({ documentId: "a.ts", path: "a.ts", languageId: "typescript", prefix, suffix: "\n", aheadUnits: 0 }, text)
    ?.insertText;

test("several lines are shown where a block or a statement begins", () => {
  assert.equal(shown("if (a) {", "\n  b();\n  c();\n}"), "\n  b();\n  c();\n}");
  assert.equal(shown("call(", "\n  one,\n  two,\n)"), "\n  one,\n  two,\n)");
  assert.equal(shown("a();\n", "b();\nc();"), "b();\nc();");
  assert.equal(shown("", "b();\nc();"), "b();\nc();");
});

test("behind text on the line it is the rest of that line, and behind a whole one the next", () => {
  assert.equal(shown("const a = ", "b();\nc();\n"), "b();");
  assert.equal(shown("a();", "\n\nb();\nc();\n"), "\n\nb();");
});

test("less than two characters are not worth the eye's movement, unless they are the rest of what is there", () => {
  assert.equal(shown("call(a", ")"), undefined);
  const place = { documentId: "a", path: "a", languageId: "typescript", prefix: "call(a", suffix: "\n", aheadUnits: 0 };
  assert.equal(fit(place, ")", 1)?.insertText, ")");
});
