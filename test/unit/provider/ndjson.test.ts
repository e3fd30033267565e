import assert from "node:assert/strict";
import { test } from "node:test";
import { createLineDecoder } from "../../../src/provider/ndjson.ts";
import { TransportError } from "../../../src/transport/errors.ts";

const read = (chunks: readonly Uint8Array[], maxLineChars?: number): readonly string[] => {
  const decoder = createLineDecoder(maxLineChars);
  const events = chunks.flatMap((chunk) => decoder.push(chunk));
  return [...events, ...decoder.end()].map(({ data }) => data);
};

const isTooLarge = (error: unknown): boolean => error instanceof TransportError && error.kind === "too-large";

test("lines read the same wherever they are split, inside a character or a line's end too", () => {
  const lines = ['{"a":"🚀 ünï ￿"}', '{"b":"x\\ny"}', '{"done":true}'];
  const body = Buffer.from(`\uFEFF${lines[0]}\r\n\r\n\n${lines[1]}\n  ${lines[2]}\n`);
  for (let at = 0; at <= body.length; at++) {
    assert.deepEqual(read([body.subarray(0, at), body.subarray(at)]), lines, `split at ${at}`);
  }
  assert.deepEqual(read([...body].map((byte) => Uint8Array.of(byte))), lines);
});

test("a last line without its end counts if it is whole, and is dropped if it was cut", () => {
  assert.deepEqual(read([Buffer.from('{"a":1}\n{"b":2}')]), ['{"a":1}', '{"b":2}']);
  assert.deepEqual(read([Buffer.from('{"a":1}\n{"b":2')]), ['{"a":1}']);
  assert.deepEqual(read([Buffer.from('{"a":1}\n{"b":"\u00fc').subarray(0, -1)]), ['{"a":1}']);
  assert.deepEqual(read([]), []);
});

test("one endless line is refused, and what came before it stays", () => {
  assert.throws(() => read([Buffer.from("x".repeat(11))], 10), isTooLarge);
  assert.throws(() => read([Buffer.from("x".repeat(6)), Buffer.from("x".repeat(6))], 10), isTooLarge);
  assert.throws(() => read([Buffer.from(`${"x".repeat(11)}\n`)], 10), isTooLarge);
  const many = Array.from({ length: 100 }, () => Buffer.from("12345678\n"));
  assert.equal(read(many, 10).length, 100);
  const decoder = createLineDecoder(10);
  const first = decoder.push(Buffer.from(`{"a":1}\n${"x".repeat(11)}`));
  assert.deepEqual(first, [{ data: '{"a":1}' }]);
  assert.throws(() => decoder.push(Buffer.from('\n{"b":2}\n')), isTooLarge);
  assert.throws(() => decoder.end(), isTooLarge);
});
