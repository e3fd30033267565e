import assert from "node:assert/strict";
import { test } from "node:test";
import { readServerSentEvents, type ServerSentEvent } from "../../../src/transport/sse.ts";
import { readRecording } from "../../fake/recordings.ts";
import { rejectsWith } from "./harness.ts";

const streamOf = async function* (...chunks: readonly (string | Uint8Array)[]) {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
};

const eventsOf = async (bytes: AsyncIterable<Uint8Array>): Promise<readonly ServerSentEvent[]> => {
  const events: ServerSentEvent[] = [];
  for await (const event of readServerSentEvents(bytes)) events.push(event);
  return events;
};

const dataOf = async (text: string): Promise<readonly string[]> =>
  (await eventsOf(streamOf(text))).map(({ data }) => data);

test("every way to write an event gives the same data", async () => {
  assert.deepEqual(await dataOf("data: a\n\ndata:b\n\n"), ["a", "b"]);
  assert.deepEqual(await dataOf("data: a\r\n\r\ndata: b\r\n\r\n"), ["a", "b"]);
  assert.deepEqual(await dataOf("data: a\r\rdata: b\r\r\n"), ["a", "b"]);
  assert.deepEqual(await dataOf("\u{FEFF}data: a\n\n"), ["a"]);
  assert.deepEqual(await dataOf("data: one\ndata: two\n\n"), ["one\ntwo"]);
  assert.deepEqual(await dataOf("id: 7\nretry: 10\nretry: x\nunknown: y\ndata: a\n\n"), ["a"]);
});

test("an event's name comes with it", async () => {
  assert.deepEqual(await eventsOf(streamOf("event: chat.end\ndata: {}\n\ndata: x\n\n")), [
    { event: "chat.end", data: "{}" },
    { data: "x" },
  ]);
});

test("a fault in a field of its own, as older llama.cpp servers write it, is an error event", async () => {
  assert.deepEqual(await eventsOf(streamOf('data: a\n\nerror: {"code":500}\n\n')), [
    { data: "a" },
    { event: "error", data: '{"code":500}' },
  ]);
});

test("comments are no data", async () => {
  assert.deepEqual(await dataOf(": OPENROUTER PROCESSING\n\n: again\n\ndata: a\n\n: end\n\n"), ["a"]);
});

test("an event that the end of the stream cuts off is dropped", async () => {
  assert.deepEqual(await dataOf("data: a\n\ndata: b\n"), ["a"]);
  assert.deepEqual(await dataOf('data: a\n\ndata: {"cont'), ["a"]);
});

test("characters and line ends that are split at any byte come out unharmed", async () => {
  const text = 'data: {"t":"grüße 🚀 日本"}\r\n\r\n: 注\r\n\r\ndata: two\r\ndata: lines\r\n\r\n';
  const bytes = Buffer.from(text, "utf8");
  const whole = await dataOf(text);
  assert.deepEqual(whole, ['{"t":"grüße 🚀 日本"}', "two\nlines"]);
  for (let at = 0; at <= bytes.length; at++) {
    const events = await eventsOf(streamOf(bytes.subarray(0, at), bytes.subarray(at)));
    assert.deepEqual(
      events.map(({ data }) => data),
      whole,
      `split at ${at}`,
    );
  }
  const single = await eventsOf(streamOf(...Array.from(bytes, (byte) => Uint8Array.of(byte))));
  assert.deepEqual(
    single.map(({ data }) => data),
    whole,
  );
});

test("an endless line ends the stream with an error before it fills the memory", async () => {
  let sentBytes = 0;
  let isClosed = false;
  const endless = async function* () {
    try {
      yield Buffer.from("data: ok\n\ndata: ");
      for (;;) {
        sentBytes += 64 * 1024;
        yield Buffer.alloc(64 * 1024, "x");
      }
    } finally {
      isClosed = true;
    }
  };
  const seen: string[] = [];
  const read = async () => {
    for await (const { data } of readServerSentEvents(endless(), { maxEventChars: 1024 * 1024 })) seen.push(data);
  };
  await rejectsWith(read(), "too-large");
  assert.deepEqual(seen, ["ok"]);
  assert.equal(isClosed, true);
  assert.ok(sentBytes <= 1024 * 1024 + 64 * 1024, `${sentBytes} bytes were taken`);
});

test("leaving the loop early closes the stream", async () => {
  let isClosed = false;
  const bytes = async function* () {
    try {
      for (;;) yield Buffer.from("data: a\n\n");
    } finally {
      isClosed = true;
    }
  };
  for await (const { data } of readServerSentEvents(bytes())) {
    assert.equal(data, "a");
    break;
  }
  assert.equal(isClosed, true);
});

test("a recorded stream gives its data lines", async () => {
  for (const name of ["08-completion-stream-plain", "13-chat-stream"]) {
    const { body } = await readRecording(name);
    const lines = body.toString("utf8").match(/(?<=^data: ).*$/gm);
    const events = await eventsOf(streamOf(body));
    assert.deepEqual(
      events.map(({ data }) => data),
      lines,
    );
  }
});
