import assert from "node:assert/strict";
import { test } from "node:test";
import { longestCut, type Cut } from "../../../src/predictor/cut.ts";

const cut = (length: number, chance: number): Cut => ({ length, chance, factor: 1 });

/** The longest text that may be shown of `text`, of which anything is sure enough. */
const shown = (text: string, cuts: readonly Cut[], rest = "", isSure: (cut: Cut) => boolean = () => true) => {
  const chosen = longestCut(text, cuts, rest, isSure);
  return chosen && text.slice(0, chosen.length);
};

test("proposes a bracket alone where it is sure, and no unsure one", () => {
  assert.equal(shown("}", [cut(1, 0.5)]), "}");
  assert.equal(shown("\n}", [cut(2, 0.5)]), "\n}");
  assert.equal(shown("}", [cut(1, 0.49)]), undefined);
  assert.equal(shown("\n  }", [cut(4, 0.49)]), undefined);
  assert.equal(shown("})", [cut(1, 0.49), cut(2, 0.3)]), "})");
});

test("proposes no white space alone, however sure it is", () => {
  assert.equal(shown("\n  ", [cut(3, 0.99)]), undefined);
});

test("proposes the longest text that is sure enough", () => {
  const cuts = [cut(4, 0.9), cut(9, 0.6), cut(11, 0.2)];
  assert.equal(
    shown("log(error);", cuts, "", ({ chance }) => chance >= 0.5),
    "log(error",
  );
  assert.equal(
    shown("log(error);", cuts, "", ({ chance }) => chance >= 0.95),
    undefined,
  );
});

test("proposes only what fits the rest of the line", () => {
  const cuts = [cut(3, 0.9), cut(9, 0.9)];
  assert.equal(shown("log(error)", cuts, ")"), "log(error");
  assert.equal(shown("log(error)", cuts, "x"), undefined);
  assert.equal(shown("log)", [cut(4, 0.9)], ")"), undefined);
});
