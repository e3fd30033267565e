import assert from "node:assert/strict";
import { test } from "node:test";
import { createPrefixTree } from "../../../src/completion/prefixTree.ts";

type Value = { readonly name: string };

const namesOf = (found: readonly { value: Value; length: number }[]) =>
  found.map(({ value, length }) => `${value.name}:${length}`);

test("finds every key that a text begins with, longest first", () => {
  const tree = createPrefixTree<Value>();
  for (const key of ["ab", "abcd", "abx", "b", "abcdef"]) tree.set(key, { name: key });
  assert.deepEqual(namesOf(tree.prefixesOf("abcdeX")), ["abcd:4", "ab:2"]);
  assert.deepEqual(namesOf(tree.prefixesOf("abx")), ["abx:3", "ab:2"]);
  assert.deepEqual(namesOf(tree.prefixesOf("a")), []);
});

test("a key that another one begins with can be added later, and replaced", () => {
  const tree = createPrefixTree<Value>();
  tree.set("abcd", { name: "long" });
  tree.set("ab", { name: "short" });
  tree.set("ab", { name: "newer" });
  assert.deepEqual(namesOf(tree.prefixesOf("abcd")), ["long:4", "newer:2"]);
});

test("behaves like a map of all keys, whatever is added and deleted, and ends empty", () => {
  const tree = createPrefixTree<Value>();
  const expected = new Map<string, Value>();
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const word = () => Array.from({ length: 1 + random(6) }, () => "ab"[random(2)]).join("");
  for (let step = 0; step < 3000; step++) {
    const key = word();
    if (random(3) === 0) {
      tree.delete(key);
      expected.delete(key);
    } else {
      const value = { name: `${step}` };
      tree.set(key, value);
      expected.set(key, value);
    }
    const text = word();
    const wanted = [...expected]
      .filter(([prefix]) => text.startsWith(prefix))
      .toSorted(([a], [b]) => b.length - a.length)
      .map(([prefix, value]) => ({ value, length: prefix.length }));
    assert.deepEqual(tree.prefixesOf(text), wanted);
  }
  for (const key of expected.keys()) tree.delete(key);
  assert.equal(tree.isEmpty, true);
});
