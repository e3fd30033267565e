import assert from "node:assert/strict";
import { test } from "node:test";
import { createToolCallCollector } from "../../../src/provider/toolCalls.ts";
import { assertFault } from "./harness.ts";

type Piece = { readonly index?: number; readonly id?: string; readonly name?: string; readonly args?: unknown };

const collect = (pieces: readonly Piece[], isCut = false) => {
  const collector = createToolCallCollector();
  for (const { name, args, ...more } of pieces) collector.add([{ ...more, function: { name, arguments: args } }]);
  return collector.complete(isCut);
};

const callsOf = (pieces: readonly Piece[]): readonly (readonly [string, string])[] =>
  collect(pieces).map(({ name, argumentsJson }) => [name, argumentsJson]);

const faultOf = (pieces: readonly Piece[], isCut?: boolean): unknown => {
  try {
    collect(pieces, isCut);
  } catch (error) {
    return error;
  }
  return assert.fail("no fault");
};

test("pieces of two calls that come mixed are told apart by their index, and come in the model's order", () => {
  assert.deepEqual(
    collect([
      { index: 1, id: "b", name: "write", args: "" },
      { index: 0, id: "a", name: "read", args: "" },
      { index: 1, args: '{"p":' },
      { index: 0, args: '{"q"' },
      { index: 1, args: "1}" },
      { index: 0, args: ":2}" },
    ]),
    [
      { id: "a", name: "read", argumentsJson: '{"q":2}' },
      { id: "b", name: "write", argumentsJson: '{"p":1}' },
    ],
  );
});

test("arguments read the same wherever they are split, inside an escape too", () => {
  const whole = String.raw`{"text":"a\"b\\c\u00fc\n🚀","list":[1,{"x":null}]}`;
  for (let at = 0; at <= whole.length; at++) {
    const pieces = [
      { index: 0, id: "a", name: "f", args: whole.slice(0, at) },
      { index: 0, args: whole.slice(at) },
    ];
    assert.deepEqual(callsOf(pieces), [["f", whole]], `split at ${at}`);
  }
});

test("a call without an id gets one of its own, and so does the second with the same", () => {
  const calls = collect([
    { index: 0, name: "f", args: "{}" },
    { index: 1, name: "f", args: "{}" },
    { index: 2, id: "x", name: "f", args: "{}" },
    { index: 3, id: "x", name: "f", args: "{}" },
  ]);
  assert.equal(new Set(calls.map(({ id }) => id)).size, 4);
  for (const { id } of calls) assert.notEqual(id, "");
  assert.equal(calls[2]?.id, "x");
});

test("a name that comes with every piece is one name", () => {
  assert.deepEqual(
    callsOf([
      { index: 0, id: "a", name: "read", args: '{"p"' },
      { index: 0, id: "a", name: "read", args: ":1}" },
      { index: 0, id: "a", name: "read", args: "" },
    ]),
    [["read", '{"p":1}']],
  );
});

test("calls that share an index, or have none, stay two calls", () => {
  const two = [
    ["read", '{"p":1}'],
    ["write", '{"q":2}'],
  ] as const;
  assert.deepEqual(
    callsOf([
      { index: 0, id: "a", name: "read", args: '{"p":1}' },
      { index: 0, id: "b", name: "write", args: '{"q":2}' },
    ]),
    two,
  );
  assert.deepEqual(
    callsOf([
      { index: 0, id: "a", name: "f", args: "{}" },
      { index: 0, id: "b", name: "f", args: "{}" },
    ]),
    [
      ["f", "{}"],
      ["f", "{}"],
    ],
  );
  assert.deepEqual(
    callsOf([
      { id: "a", name: "read", args: '{"p":' },
      { id: "b", name: "write", args: '{"q":' },
      { id: "a", args: "1}" },
      { id: "b", args: "2}" },
    ]),
    two,
  );
  assert.deepEqual(
    callsOf([
      { name: "read", args: '{"p":1}' },
      { name: "write", args: '{"q":2}' },
    ]),
    two,
  );
  assert.deepEqual(callsOf([{ name: "a" }, { name: "b" }]), [
    ["a", "{}"],
    ["b", "{}"],
  ]);
  assert.deepEqual(
    callsOf([
      { name: "f", args: '{"p":1}' },
      { name: "f", args: '{"p":1}' },
    ]),
    [
      ["f", '{"p":1}'],
      ["f", '{"p":1}'],
    ],
  );
});

test("no arguments are an empty object, and an object is taken as it is", () => {
  for (const args of [undefined, null, "", "  ", {}])
    assert.deepEqual(callsOf([{ index: 0, name: "f", args }]), [["f", "{}"]]);
  assert.deepEqual(callsOf([{ name: "f", args: { path: "ü", deep: [1] } }]), [["f", '{"path":"ü","deep":[1]}']]);
});

test("a call that is not complete is an error, and takes the complete ones with it", () => {
  for (const args of ['{"p":', '{"p":1', '{"p":1}}', "[1]", '"text"', "null", "1", "{'p':1}"]) {
    const pieces = [
      { index: 0, id: "a", name: "good", args: "{}" },
      { index: 1, id: "b", name: "bad", args },
    ];
    assertFault(faultOf(pieces), "bad-response");
    assertFault(faultOf(pieces, true), "truncated");
  }
  assertFault(faultOf([{ index: 0, id: "a", args: "{}" }]), "bad-response");
});

test("what is no list of calls is none", () => {
  for (const deltas of [undefined, null, {}, "x", []]) {
    const collector = createToolCallCollector();
    collector.add(deltas);
    assert.deepEqual(collector.complete(false), []);
  }
});

test("calls without end are a fault, not memory without end", () => {
  const calls = Array.from({ length: 1001 }, (_, index) => ({ index, id: `c${index}`, name: "read", args: "{}" }));
  assertFault(faultOf(calls), "bad-response");
  const piece = { index: 0, id: "a", name: "write", args: "x".repeat(64 * 1024) };
  assertFault(faultOf(Array.from({ length: 33 }, () => piece)), "bad-response");
});
