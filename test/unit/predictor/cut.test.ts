import assert from "node:assert/strict";
import { test } from "node:test";
import { proposedCut, type Cut } from "../../../src/predictor/cut.ts";

const cut = (length: number, chance: number): Cut => ({ length, chance, factor: 1 });

/** What is proposed of `text`. */
const shown = (text: string, cuts: readonly Cut[], rest = "", least = 0) => {
  const chosen = proposedCut(text, cuts, rest, least, ({ chance }) => chance);
  return chosen && text.slice(0, chosen.length);
};

test("proposes a bracket alone where it is rather sure, and no unsure one", () => {
  assert.equal(shown("}", [cut(1, 0.2)]), "}");
  assert.equal(shown("\n}", [cut(2, 0.2)]), "\n}");
  assert.equal(shown("}", [cut(1, 0.19)]), undefined);
  assert.equal(shown("\n  }", [cut(4, 0.19)]), undefined);
  assert.equal(shown("})", [cut(1, 0.19), cut(2, 0.15)]), "})");
});

test("proposes no white space alone, however sure it is", () => {
  assert.equal(shown("\n  ", [cut(3, 0.99)]), undefined);
});

test("proposes a longer text where that saves more than it risks", () => {
  assert.equal(shown("log(error);", [cut(3, 0.6), cut(11, 0.5)]), "log(error);");
  assert.equal(shown("log(error);", [cut(3, 0.6), cut(11, 0.4)]), "log");
});

test("proposes nothing that is not sure enough, by the confidence that is asked for", () => {
  const cuts = [cut(3, 0.6), cut(11, 0.59)];
  assert.equal(shown("log(error);", cuts, "", 0.595), "log");
  assert.equal(shown("log(error);", cuts, "", 0.61), undefined);
  const corrected = proposedCut("log(error);", cuts, "", 0.7, ({ chance }) => chance + 0.2);
  assert.equal(corrected?.length, 11);
});

test("proposes only what fits the rest of the line", () => {
  const cuts = [cut(3, 0.9), cut(9, 0.9)];
  assert.equal(shown("log(error)", cuts, ")"), "log(error");
  assert.equal(shown("log(error)", cuts, "x"), undefined);
  assert.equal(shown("log)", [cut(4, 0.9)], ")"), undefined);
});
