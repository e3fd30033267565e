import assert from "node:assert/strict";
import { test } from "node:test";
import { cutIntoPieces, type Piece } from "../../../src/predictor/pieces.ts";
import { createRandom, randomNoise, randomSource } from "./randomText.ts";

test("pieces follow each other, end at line ends, and cover all text", () => {
  const random = createRandom(1);
  for (let round = 0; round < 50; round++) {
    const text = round % 2 ? randomNoise(random, 2000) : randomSource(random, ["a", "b"], random(300));
    let at = 0;
    for (const piece of cutIntoPieces(text)) {
      assert.equal(piece.from, at);
      assert.ok(piece.to > piece.from && piece.contextFrom <= piece.from);
      assert.ok(piece.to === text.length || text[piece.to - 1] === "\n");
      at = piece.to;
    }
    assert.equal(at, text.length);
  }
});

test("a piece's context is the last line above it that holds more than blanks, be it one sign", () => {
  const body = "const value = compute(first, second);\n".repeat(12);
  for (const [above, context] of [
    ["}\n", "}"],
    ["}\n  \n\t\n\n", "}"],
    ["  call();\r\n\r\n", "  call();\r"],
  ] as const) {
    const text = body + above + body;
    // Whatever lies above the border: a piece that begins below those lines.
    const from = body.length + above.length;
    const sizes = { minUnits: from, maxUnits: from };
    const [first, second] = cutIntoPieces(text, { sizes });
    assert.equal(second?.from, from);
    assert.equal(text.slice(second?.contextFrom).split("\n")[0], context);
    assert.equal(cutIntoPieces(text, { sizes, after: first })[0]?.contextFrom, second?.contextFrom);
  }
});

const names = (text: string): string[] => cutIntoPieces(text).map(({ hash, check }) => `${hash}:${check}`);

test("an edit leaves all but a few pieces as they were", () => {
  const random = createRandom(2);
  const text = randomSource(random, ["user", "order", "cart"], 600);
  const before = names(text);
  for (let round = 0; round < 50; round++) {
    const at = random(text.length);
    const after = new Set(names(`${text.slice(0, at)}new words${text.slice(at)}`));
    assert.ok(before.filter((name) => !after.has(name)).length <= 3);
  }
});

const withoutContext = (pieces: readonly Piece[]) =>
  pieces.map(({ hash, check, from, to }) => ({ hash, check, from, to }));

test("cutting on from a known piece gives what cutting afresh gives", () => {
  const random = createRandom(3);
  const text = randomSource(random, ["user", "order"], 500);
  for (let round = 0; round < 50; round++) {
    const typed = text.slice(0, text.indexOf("\n", random(text.length - 200)) + 1);
    const grown = text.slice(0, text.indexOf("\n", typed.length) + 1);
    const known = cutIntoPieces(typed).slice(0, -1);
    const goneOn = [...known, ...cutIntoPieces(grown, { after: known.at(-1) })];
    assert.deepEqual(withoutContext(goneOn), withoutContext(cutIntoPieces(grown)));
  }
});
