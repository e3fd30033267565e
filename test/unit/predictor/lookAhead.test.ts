import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor } from "../../../src/predictor/predictor.ts";

/** What is weighed for the token behind `right`, which goes on from `prefix`; `known` is learned. */
const weighedBehind = (known: string, prefix: string, right: string): string[] => {
  let weighed: string[] = [];
  const predictor = createPredictor({
    standardFolder: null,
    onStep(tokens) {
      const texts = tokens.map(({ text }) => text);
      const next = texts.filter((text) => right.startsWith(text)).toSorted((a, b) => b.length - a.length)[0];
      if (next === undefined) weighed = texts;
      return next;
    },
  });
  predictor.index("known.ts", known);
  predictor.predict("new.ts", prefix, "");
  return weighed;
};

const known = "give item + other;\ngive item + other;\nreturn getName + other;\nreturn getName + other;\n";

test("a word that goes on from a typed gap is in use from then on", () => {
  assert.ok(weighedBehind(known, "\ngive ", "item +").includes("item + item"));
  assert.ok(weighedBehind(known, "\ngive it", "em +").includes("em + item"));
});

test("a part of a word that is joined to the typed one is no word in use", () => {
  const weighed = weighedBehind(known, "\nreturn get", "Name +");
  assert.ok(weighed.includes("Name + get"), weighed.join("; "));
  assert.ok(!weighed.includes("Name + Name"), weighed.join("; "));
});

test("behind a sign that was typed stand the words in use, too, behind the gap that other words stand behind", () => {
  const above = "\nalpha(beta);\n";
  const behind = (line: string) => weighedBehind("quux(one);\nquux = one;\n", `${above}${line}`, "");
  assert.deepEqual(
    ["alpha", "beta"].filter((word) => !behind("quux(").includes(word)),
    [],
  );
  assert.deepEqual(
    [" alpha", " beta"].filter((word) => !behind("quux =").includes(word)),
    [],
  );
  assert.deepEqual(
    behind("quux").filter((text) => /alpha|beta/.test(text)),
    [],
  );
});

const siblingsFeature = 19;

/** How many lines stand beside each place of `right` from `prefix` on, as its features have it. */
const siblingsAlong = (prefix: string, right: string): number[] => {
  const counts: number[] = [];
  const predictor = createPredictor({
    standardFolder: null,
    onStep(tokens) {
      const place = tokens[0]?.place;
      if (place) counts.push(Math.round(2 ** (2 * place[siblingsFeature]!) - 1));
      const texts = tokens.map(({ text }) => text).filter((text) => right.startsWith(text));
      return texts.toSorted((a, b) => b.length - a.length)[0];
    },
  });
  predictor.index("known.ts", "one(a);\ntwo(b);\none(a);\ntwo(b);\n");
  predictor.propose("new.ts", prefix, "\n", 0);
  return counts;
};
test("the lines beside a line that begins are counted, at the cursor and where the text begins it", () => {
  assert.deepEqual(siblingsAlong("one(a);\n", "two(b);\none"), [1, 0, 0, 0, 0, 0, 2, 0]);
  assert.deepEqual(siblingsAlong("if (x) {\n  one(a);\n  two(b);\n  ", "one(a)").slice(0, 2), [2, 0]);
});
