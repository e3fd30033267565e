import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, jsonReply, linesReply, ndjson, resetReply } from "../../fake/modelServer.ts";
import { person } from "../../fake/vscode.ts";

const { freeDiskBytes, pullModel, pullWithProgress } = await import("../../../src/commands/recommendModelPull.ts");

const gib = 1024 ** 3;
const part = (completed: number, total = 1000) =>
  ndjson({ status: "pulling abc", digest: "sha256:abc", total, completed });
const success = ndjson({ status: "success" });

const createHarness = async (context: TestContext) => {
  const server = await createModelServer({ ollama: {} });
  const client = createTransportClient({ clock: systemClock, log: silentLog });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const clock = createFakeClock();
  const options = {
    transport: () => Promise.resolve(client),
    clock,
    baseUrl: server.url,
    name: "qwen2.5-coder:3b",
    sizeBytes: 2 * gib,
  };
  const seen: number[] = [];
  const stopping = new AbortController();
  const pull = () => pullModel(options, ({ completedBytes }) => seen.push(completedBytes), stopping.signal);
  const pulls = () => server.requests.filter(({ path: route }) => route === "/api/pull").length;
  return { server, clock, options, seen, stopping, pull, pulls };
};

test("a download is followed to its end, by one request that names the model", async (context) => {
  const { server, pull, seen, pulls } = await createHarness(context);
  server.script("/api/pull", linesReply([ndjson({ status: "pulling manifest" }), part(300), part(1000), success]));
  await pull();
  assert.deepEqual(seen, [0, 300, 1000, 1000]);
  assert.equal(pulls(), 1);
  const body = JSON.parse(server.requests[0]!.body) as Record<string, unknown>;
  assert.deepEqual([body["model"], body["stream"]], ["qwen2.5-coder:3b", true]);
});

test("a connection that breaks is made anew after a pause, and what came before still counts", async (context) => {
  const { server, clock, pull, seen, pulls } = await createHarness(context);
  server.script("/api/pull", linesReply([part(600)], "cut"), resetReply, linesReply([part(700), part(1000), success]));
  const pulling = pull();
  await clock.timer(1000);
  assert.equal(pulls(), 1);
  clock.advance(1000);
  await clock.timer(2000);
  assert.equal(pulls(), 2);
  clock.advance(2000);
  await pulling;
  assert.equal(pulls(), 3);
  assert.deepEqual(seen, [600, 700, 1000, 1000]);
});

test("an answer that ends without success is gone on with", async (context) => {
  const { server, clock, pull, pulls } = await createHarness(context);
  server.script("/api/pull", linesReply([part(600)]), linesReply([part(1000), success]));
  const pulling = pull();
  await clock.timer(1000);
  clock.advance(1000);
  await pulling;
  assert.equal(pulls(), 2);
});

test("it is given up when nothing comes any more, and not before", async (context) => {
  const { server, clock, pull, pulls } = await createHarness(context);
  server.script("/api/pull", ...Array.from({ length: 6 }, () => resetReply));
  const pulling = pull();
  for (const waitMs of [1000, 2000, 5000, 10_000, 20_000]) {
    await clock.timer(waitMs);
    clock.advance(waitMs);
  }
  await assert.rejects(pulling, { name: "TransportError" });
  assert.equal(pulls(), 6);
});

test("a line that breaks again and again is gone on with as long as something comes", async (context) => {
  const { server, clock, pull, pulls } = await createHarness(context);
  const broken = Array.from({ length: 8 }, (_, index) => linesReply([part(100 * (index + 1))], "cut"));
  server.script("/api/pull", ...broken, linesReply([part(1000), success]));
  const pulling = pull();
  for (const _ of broken) {
    await clock.timer(1000);
    clock.advance(1000);
  }
  await pulling;
  assert.equal(pulls(), 9);
});

test("the server's own fault is not tried again", async (context) => {
  const { server, pull, pulls } = await createHarness(context);
  server.script("/api/pull", linesReply([ndjson({ error: "pull model manifest: file does not exist" })]));
  await assert.rejects(pull(), { name: "PullError", message: "pull model manifest: file does not exist" });
  server.script("/api/pull", jsonReply(500, { error: "no space left on device" }));
  await assert.rejects(pull(), { name: "PullError", message: "no space left on device" });
  assert.equal(pulls(), 2);
});

test("stopping closes the connection, and nothing is asked again", async (context) => {
  const { server, clock, pull, stopping, pulls } = await createHarness(context);
  server.script("/api/pull", linesReply([part(300)], "hang"));
  const pulling = pull();
  const request = await server.nextRequest("/api/pull");
  stopping.abort();
  await assert.rejects(pulling, { name: "AbortError" });
  await request.closedByClient;
  assert.deepEqual([pulls(), clock.pending()], [1, []]);
});

test("stopping ends a pause, too", async (context) => {
  const { server, clock, pull, stopping } = await createHarness(context);
  server.script("/api/pull", resetReply);
  const pulling = pull();
  await clock.timer(1000);
  stopping.abort();
  await assert.rejects(pulling, { name: "AbortError" });
  assert.deepEqual(clock.pending(), []);
});

test("how much is free is known where the folder is, and the fuller disk decides", async () => {
  assert.equal(await freeDiskBytes([path.join(os.tmpdir(), "hotpath-is-not-there")]), undefined);
  const free = await freeDiskBytes([os.tmpdir(), path.join(os.tmpdir(), "hotpath-is-not-there")]);
  assert.ok(free !== undefined && free > 0);
});

test("it asks first, tells the size, and says how far it is and how it ended", async (context) => {
  const { server, options, pulls } = await createHarness(context);
  person.reset({ take: "Not now" });
  assert.equal(await pullWithProgress(options), "back");
  assert.match(person.list("Download qwen2.5-coder:3b")?.choices[0] ?? "", /Download about 2\.0 GB/);
  assert.equal(pulls(), 0);

  server.script("/api/pull", linesReply([ndjson({ status: "pulling manifest" }), part(0.5 * gib, 2 * gib), success]));
  person.reset({ take: "Download about" });
  assert.equal(await pullWithProgress(options), "done");
  assert.deepEqual(person.progress.slice(0, 2), ["starting", "512 MB of 2.0 GB"]);

  server.script("/api/pull", linesReply([ndjson({ error: "bad [link](command:x)" })]));
  person.reset({ take: "Download about" });
  assert.equal(await pullWithProgress(options), "back");
  assert.deepEqual(person.said(), ["Ollama could not download qwen2.5-coder:3b: bad  link (command:x)"]);

  server.script("/api/pull", linesReply([part(0.5 * gib, 2 * gib)], "hang"));
  person.reset({ take: "Download about" });
  person.cancels.push("Downloading");
  assert.equal(await pullWithProgress(options), "back");
  assert.deepEqual(person.said(), ["Stopped. Downloading qwen2.5-coder:3b again goes on where it was."]);
});

test("a disk that is too full is said before anything is asked of the server", async (context) => {
  const { options, pulls } = await createHarness(context);
  const folder = await mkdtemp(path.join(os.tmpdir(), "hotpath-models-"));
  const before = process.env["OLLAMA_MODELS"];
  process.env["OLLAMA_MODELS"] = folder;
  try {
    person.reset({ take: "Download about" });
    assert.equal(await pullWithProgress({ ...options, sizeBytes: 4096 * 1024 * gib }), "back");
    assert.match(person.said()[0] ?? "", /needs about 4096 TB on the disk, and .* are free\./);
    assert.equal(pulls(), 0);
    person.reset({ take: "Not now" });
    await pullWithProgress({ ...options, sizeBytes: 1 });
    assert.match(person.list("Download")?.choices[0] ?? "", /free on the disk/);
  } finally {
    if (before === undefined) delete process.env["OLLAMA_MODELS"];
    else process.env["OLLAMA_MODELS"] = before;
    await rm(folder, { recursive: true });
  }
});
