import assert from "node:assert/strict";
import { test } from "node:test";
import { createStopCutter } from "../../../src/provider/stopCutter.ts";

const cut = (stops: readonly string[], pieces: readonly string[]) => {
  const cutter = createStopCutter(stops);
  const shown = pieces.map((piece) => cutter.push(piece));
  return { shown, tail: cutter.flush(), isCut: cutter.isCut() };
};

test("text passes at once when nothing in it can become a stop text", () => {
  assert.deepEqual(cut(["\n\n", "<|end|>"], ["a", "b c"]), { shown: ["a", "b c"], tail: "", isCut: false });
  assert.deepEqual(cut([], ["a\n\n"]), { shown: ["a\n\n"], tail: "", isCut: false });
  assert.deepEqual(cut([""], ["a"]), { shown: ["a"], tail: "", isCut: false });
});

test("a stop text is found wherever the pieces split it", () => {
  const text = "one<|end|>two";
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      const { shown, tail, isCut } = cut(["<|end|>"], pieces);
      assert.equal(shown.join("") + tail, "one", JSON.stringify(pieces));
      assert.equal(isCut, true);
    }
  }
});

test("a tail that only looks like a stop text is given back", () => {
  assert.deepEqual(cut(["<|end|>"], ["a<|en", "ough"]), { shown: ["a", "<|enough"], tail: "", isCut: false });
  assert.deepEqual(cut(["<|end|>"], ["a<|en"]), { shown: ["a"], tail: "<|en", isCut: false });
});

test("the first of several stop texts counts", () => {
  assert.deepEqual(cut(["zz", "b"], ["abzz"]), { shown: ["a"], tail: "", isCut: true });
});

test("nothing follows a stop text", () => {
  assert.deepEqual(cut(["b"], ["ab", "c"]), { shown: ["a", ""], tail: "", isCut: true });
});
