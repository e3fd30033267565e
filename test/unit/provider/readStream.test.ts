import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAiReader } from "../../../src/provider/openAiStream.ts";
import { readStream } from "../../../src/provider/readStream.ts";
import { openAiFormat } from "../../../src/provider/wireFormat.ts";
import { TransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { sse } from "../../fake/modelServer.ts";
import { assertFault, collectParts } from "./harness.ts";

const piece = (text: string, finish: string | null = null): string =>
  sse({ choices: [{ index: 0, text, finish_reason: finish }] });

/** A stream of these pieces that then fails by this kind of fault. */
const readFailing = (pieces: readonly string[], kind: TransportErrorKind) => {
  const body = async function* body(): AsyncGenerator<Uint8Array> {
    for (const text of pieces) yield Buffer.from(text);
    throw new TransportError(kind, "as the test wants it");
  };
  const response = {
    status: 200,
    headers: {},
    body: body(),
    text: async () => "",
    json: async () => undefined,
    excerpt: async () => "",
    discard() {},
    finish() {},
  };
  const source = {
    open: async () => ({ response, clean: (text: string) => text }),
    format: openAiFormat,
    reader: createOpenAiReader("completions"),
    stop: [],
    firstByteMs: 0,
    isBusy: undefined,
    origin: "http://127.0.0.1",
    asked: "",
    onHead: undefined,
  };
  return collectParts(readStream(source, createFakeClock()));
};

test("an answer that has said that it is complete loses nothing by silence or a break", async () => {
  for (const kind of ["idle-timeout", "total-timeout", "reset", "closed"] as const) {
    const { text, end, error } = await readFailing([piece("one"), piece("", "stop")], kind);
    assert.equal(error, undefined, kind);
    assert.equal(text, "one", kind);
    assert.equal(end?.reason, "stop", kind);
  }
});

test("one that has not is given up with its own fault, and other faults stay faults", async () => {
  const silent = await readFailing([piece("one")], "idle-timeout");
  assert.equal(silent.text, "one");
  assertFault(silent.error, "timeout");
  assertFault((await readFailing([piece("one", "stop")], "protocol")).error, "bad-response");
});

test("an answer without end is given up", async () => {
  const comment = `: ${" ".repeat(16 * 1024 * 1024)}\n`;
  const { error } = await readFailing(
    Array.from({ length: 17 }, () => comment),
    "reset",
  );
  assertFault(error, "bad-response");
});
