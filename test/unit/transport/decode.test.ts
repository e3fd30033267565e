import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { Flow } from "../../../src/transport/connection.ts";
import { createDecoder } from "../../../src/transport/decode.ts";
import { streamReply, type ScriptedReply } from "../../fake/modelServer.ts";
import { collect, createHarness, rejectsWith } from "./harness.ts";

const encodings = [
  ["gzip", gzipSync, () => createGzip({ flush: constants.Z_SYNC_FLUSH })],
  ["deflate", deflateSync, () => createDeflate({ flush: constants.Z_SYNC_FLUSH })],
  ["br", brotliCompressSync, () => createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
  ["zstd", zstdCompressSync, () => createZstdCompress({ flush: constants.ZSTD_e_flush })],
] as const;

const text = JSON.stringify({ text: "grüße 🚀 ".repeat(2_000) });

for (const [encoding, compress, createCompressor] of encodings) {
  test(`an answer in ${encoding} is decoded, and its connection is used again`, async (context) => {
    const { get, server, client } = await createHarness(context);
    const bytes = compress(text);
    const reply = { headers: { "content-encoding": encoding }, body: [bytes.subarray(0, 9), bytes.subarray(9)] };
    server.script("/v1/models", reply, reply);
    for (let count = 0; count < 2; count++) assert.equal(await (await get("/v1/models")).text(100_000), text);
    assert.equal(client.counters().reused, 1);
  });

  test(`a stream in ${encoding} hands out each token when it comes`, async (context) => {
    const { post, server } = await createHarness(context);
    const compressor = createCompressor();
    const compressed = async (token: string): Promise<Buffer> => {
      compressor.write(token);
      await once(compressor, "readable");
      return compressor.read() as Buffer;
    };
    const tokens = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];
    const pieces: Buffer[] = [];
    for (const token of tokens) pieces.push(await compressed(token));
    const seen = tokens.map(() => Promise.withResolvers<void>());
    server.script("/", {
      headers: { "content-encoding": encoding },
      body: pieces.flatMap((piece, index) => [piece, () => seen[index]?.promise ?? Promise.resolve()]),
      finish: "hang",
    });
    const iterator = (await post("/completion")).body[Symbol.asyncIterator]();
    for (const [index, token] of tokens.entries()) {
      assert.equal(Buffer.from((await iterator.next()).value ?? []).toString(), token);
      seen[index]?.resolve();
    }
    await iterator.return?.();
    await (
      await server.nextRequest()
    ).closedByClient;
  });

  test(`what is cut off in ${encoding} is a fault and keeps its text`, async (context) => {
    const { get, server, clock } = await createHarness(context);
    const bytes = compress("one two three");
    server.script("/", { headers: { "content-encoding": encoding }, body: [bytes.subarray(0, -1)] });
    const { error } = await collect((await get("/v1/models")).body);
    await rejectsWith(Promise.reject(error), "protocol");
    assert.deepEqual(clock.pending(), []);
  });

  test(`a small answer in ${encoding} that grows without end is refused before it fills the memory`, async (context) => {
    const { get, server } = await createHarness(context);
    const bytes = compress(Buffer.alloc(64 * 1024 * 1024));
    server.script("/", { headers: { "content-encoding": encoding }, body: [bytes], finish: "hang" });
    const before = process.memoryUsage.rss();
    await rejectsWith((await get("/v1/models")).text(1024 * 1024), "too-large");
    const grownMiB = (process.memoryUsage.rss() - before) / 1024 / 1024;
    assert.ok(grownMiB < 32, `${grownMiB} MiB more`);
    await (
      await server.nextRequest()
    ).closedByClient;
  });
}

test("deflate without zlib's frame is decoded, too", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", { headers: { "content-encoding": "deflate" }, body: [deflateRawSync(text)] });
  assert.equal(await (await get("/v1/models")).text(100_000), text);
});

test("a reader that wants no more holds the decoder back, and the decoder the server", async () => {
  const all = Buffer.alloc(8 * 1024 * 1024, "x");
  const ended = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  const seen = { bytes: 0, isOpen: false, flow: undefined as Flow | undefined, pauses: 0 };
  const decoder = createDecoder("gzip", {
    chunk(chunk, flow) {
      seen.bytes += chunk.byteLength;
      started.resolve();
      if (seen.isOpen) return;
      flow.pause();
      seen.flow = flow;
    },
    ended: () => ended.resolve(),
    failed: (error) => ended.reject(error),
  });
  decoder.write(gzipSync(all, { level: 0 }), { pause: () => void seen.pauses++, resume: () => drained.resolve() });
  await started.promise;
  for (let turn = 0; turn < 50; turn++) await setImmediate();
  assert.ok(seen.bytes < 256 * 1024, `${seen.bytes} bytes`);
  assert.equal(seen.pauses, 1);
  seen.isOpen = true;
  seen.flow?.resume();
  await drained.promise;
  decoder.end();
  await ended.promise;
  assert.equal(seen.bytes, all.length);
});

test("an encoding that nobody knows is a fault that says so", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", { headers: { "content-encoding": "compress" }, body: ["xyz"] });
  await rejectsWith((await get("/v1/models")).text(1000), "protocol");
});

const failedWith = (body: Buffer): ScriptedReply => ({
  status: 500,
  headers: { "content-encoding": "gzip" },
  body: [body],
});

test("an error's body is decoded, and kept up to its limit", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", failedWith(gzipSync("out of memory")), failedWith(gzipSync("x".repeat(1024 * 1024))));
  assert.equal(await (await get("/v1/models")).excerpt(200), "out of memory");
  assert.equal((await (await get("/v1/models")).text(1024 * 1024)).length, 64 * 1024);
});

test("a compressed answer without a body is empty", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", { headers: { "content-encoding": "gzip", "content-length": "0" }, body: [] });
  assert.equal(await (await get("/v1/models")).text(1000), "");
});

test("a compressed answer that is finished early leaves its connection", async (context) => {
  const { post, get, server, client } = await createHarness(context);
  const release = Promise.withResolvers<void>();
  const [first, rest] = [gzipSync("data: [DONE]\n\n"), gzipSync("more")];
  server.script("/completion", {
    ...streamReply([first, () => release.promise, rest]),
    headers: { "content-encoding": "gzip" },
  });
  const response = await post("/completion");
  for await (const chunk of response.body) {
    assert.equal(Buffer.from(chunk).toString(), "data: [DONE]\n\n");
    response.finish();
    release.resolve();
  }
  await (
    await server.nextRequest()
  ).answered;
  while (client.counters().requests < 2) await (await get("/health")).text(100);
  await (await get("/health")).text(100);
  assert.ok(client.counters().reused > 0);
});
