import assert from "node:assert/strict";
import { test } from "node:test";
import { createBody, readExcerpt, readText } from "../../../src/transport/body.ts";
import { rejectsWith } from "./harness.ts";

const createTestBody = () => {
  const calls: string[] = [];
  const body = createBody({
    onLeave: () => calls.push("leave"),
    onResume: () => calls.push("caught-up"),
    signal: undefined,
  });
  const flow = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  return { body, flow, calls };
};

test("a reader that is slower than the server holds it back, and lets it go on once it has caught up", async () => {
  const { body, flow, calls } = createTestBody();
  const chunk = new Uint8Array(100 * 1024);
  for (let count = 0; count < 4; count++) body.push(chunk, flow);
  assert.deepEqual(calls, ["pause"]);
  assert.equal(body.isPaused(), true);
  const stream = body.stream();
  for (let count = 0; count < 2; count++) await stream.next();
  assert.deepEqual(calls, ["pause"]);
  await stream.next();
  assert.deepEqual(calls, ["pause", "caught-up", "resume"]);
  assert.equal(body.isPaused(), false);
});

test("text whose characters are split between chunks is read unharmed", async () => {
  const bytes = Buffer.from("grüße 🚀 日本", "utf8");
  const single = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte);
  };
  assert.equal(await readText(single(), 1000), "grüße 🚀 日本");
  assert.equal(await readText(single(), bytes.length), "grüße 🚀 日本");
  await rejectsWith(readText(single(), bytes.length - 1), "too-large");
  assert.equal(await readExcerpt(single(), 5), "grü");
});

test("a reader that leaves while it waits is let go, once", async () => {
  const { body, flow, calls } = createTestBody();
  const stream = body.stream();
  const pending = stream.next();
  await stream.return?.();
  assert.deepEqual(await pending, { done: true, value: undefined });
  body.push(new Uint8Array(10), flow);
  body.end();
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  await stream.return?.();
  assert.deepEqual(calls, ["leave"]);
});

test("two reads at the same time, and a second reader, are refused; the first goes on", async () => {
  const { body, flow, calls } = createTestBody();
  const stream = body.stream();
  const pending = stream.next();
  await rejectsWith(stream.next(), "protocol");
  const second = body.stream();
  await rejectsWith(second.next(), "protocol");
  await second.return?.();
  assert.deepEqual(calls, []);
  const chunk = new Uint8Array(10);
  body.push(chunk, flow);
  assert.equal((await pending).value, chunk);
});

test("what came before a fault is read first; what came before a cancellation is not", async () => {
  for (const way of ["fail", "abort"] as const) {
    const { body, flow, calls } = createTestBody();
    body.push(new Uint8Array(10), flow);
    body[way](new Error("broken"));
    const stream = body.stream();
    if (way === "fail") assert.equal((await stream.next()).value?.byteLength, 10);
    await assert.rejects(stream.next(), { message: "broken" });
    assert.equal((await stream.next()).done, true);
    assert.deepEqual(calls, ["leave"]);
  }
});

test("a reader that comes to the end has left", async () => {
  const { body, calls } = createTestBody();
  body.end();
  assert.equal((await body.stream().next()).done, true);
  assert.deepEqual(calls, ["leave"]);
});
