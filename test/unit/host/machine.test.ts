import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { HardwareFacts } from "../../../src/hardware/probe.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { sampleMemory } from "../../../src/memory/sample.ts";
import { createLedger, firstTokenSpan } from "../../../src/metrics/ledger.ts";
import { createTransportClient, type TransportClient } from "../../../src/transport/client.ts";
import { TransportError } from "../../../src/transport/errors.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, type ModelServer, type ModelServerOptions } from "../../fake/modelServer.ts";
import { workspace } from "../../fake/vscode.ts";

const { createMachine } = await import("../../../src/host/machine.ts");
const { machineTables } = await import("../../../src/host/machineTables.ts");

const gib = 1024 ** 3;
const usualPorts = /:(?:11434|8080|8081|1234|8000)\//;
const card = { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gib, freeBytes: 12 * gib };

/** A worker that answers at once, without looking at this machine. */
const workerFor = (facts: HardwareFacts) => {
  const source = `import { parentPort, workerData } from "node:worker_threads";
    parentPort.postMessage({ facts: workerData ? 41e9 : ${JSON.stringify(facts)} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
};

const createHarness = async (
  context: TestContext,
  serverOptions: ModelServerOptions,
  gpus: HardwareFacts["gpus"] = [card],
  silentAt: (url: string) => boolean = () => false,
) => {
  const server: ModelServer = await createModelServer(serverOptions);
  const client = createTransportClient({ clock: systemClock, log: silentLog });
  const before = process.env["OLLAMA_HOST"];
  process.env["OLLAMA_HOST"] = server.url;
  context.after(async () => {
    if (before === undefined) delete process.env["OLLAMA_HOST"];
    else process.env["OLLAMA_HOST"] = before;
    workspace.isTrusted = true;
    await client.close();
    await server.close();
  });
  // Whatever this machine really runs on the usual ports is left alone.
  const transport: TransportClient = {
    ...client,
    request(request) {
      if (usualPorts.test(request.url)) return Promise.reject(new Error("Nothing listens there"));
      return silentAt(request.url)
        ? Promise.reject(new TransportError("first-byte-timeout", "Nothing came in time"))
        : client.request(request);
    },
  };
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const machine = createMachine({
    clock: systemClock,
    workerUrl: workerFor({ cpu: "A processor", physicalCores: 8, gpus }),
    transport: () => Promise.resolve(transport),
    apiKeyFor: (origin) => Promise.resolve(origin === server.url ? serverOptions.apiKey : undefined),
    settings: () => parseSettings(() => undefined).settings,
    readMemory: sampleMemory,
    ledger,
  });
  return { server, machine, ledger, clock };
};

const ollama = {
  ollama: {
    modelInfo: {
      "general.architecture": "qwen2",
      "general.parameter_count": 7_615_616_512,
      "qwen2.block_count": 28,
      "qwen2.embedding_length": 3584,
      "qwen2.attention.head_count": 28,
      "qwen2.attention.head_count_kv": 4,
      "qwen2.context_length": 32_768,
    },
  },
  modelId: "qwen2.5-coder:7b",
} as const;

test("what its servers have, with what each model is made of and whether it fills in", async (context) => {
  const { server, machine } = await createHarness(context, ollama);
  const view = await machine.view();
  assert.equal(view.ollamaUrl, server.url);
  assert.equal(view.device.name, "NVIDIA GeForce RTX 4090");
  const [model] = view.models;
  assert.deepEqual([model?.id, model?.fillsIn, model?.facts?.layers], ["qwen2.5-coder:7b", true, 28]);
  assert.deepEqual(model?.server, { name: "Ollama", kind: "ollama", baseUrl: server.url });
});

test("a server that falls silent is not asked about one model after the other", async (context) => {
  let asked = 0;
  const { server, machine } = await createHarness(
    context,
    ollama,
    [card],
    (url) => url.endsWith("/api/show") && ++asked > 0,
  );
  const models = Array.from({ length: 12 }, (_, index) => ({ name: `qwen2.5-coder:${index}b`, size: 5 * gib }));
  server.script("/api/tags", {
    status: 200,
    headers: { "content-type": "application/json" },
    body: [JSON.stringify({ models })],
  });
  assert.equal((await machine.view()).models.length, 12);
  // Those that were under way together.
  assert.equal(asked, 4);
});

test("what Ollama holds of a card's memory is free for another model", async (context) => {
  const { server, machine } = await createHarness(context, ollama);
  const held = { models: [{ name: "qwen2.5-coder:7b", model: "qwen2.5-coder:7b", size_vram: 5 * gib }] };
  const reply = { status: 200, headers: { "content-type": "application/json" }, body: [JSON.stringify(held)] };
  server.script("/api/ps", reply, reply);
  assert.equal((await machine.view()).freeBytes, 17 * gib);
});

test("the cards are read anew each time, the report's own facts once", async (context) => {
  const { machine } = await createHarness(context, ollama);
  assert.notEqual((await machine.view()).hardware, (await machine.view()).hardware);
  assert.equal(await machine.hardware(), await machine.hardware());
});

test("what is being read of the machine is not read once more, unless nobody could read it", async (context) => {
  const { machine } = await createHarness(context, ollama);
  const read = { cpu: "Another", physicalCores: 2, gpus: [] };
  assert.equal((await machine.view({ reading: Promise.resolve(read), mayMeasure: false })).hardware, read);
  assert.equal((await machine.view({ reading: Promise.resolve(undefined) })).hardware.cpu, "A processor");
});

test("beside a server that does not say what it holds, nothing is said of what is free", async (context) => {
  const { machine } = await createHarness(context, { modelId: "qwen2.5-coder-7b" });
  const view = await machine.view();
  assert.equal(view.freeBytes, undefined);
  assert.equal(view.ollamaUrl, undefined);
  assert.equal(view.models[0]?.server.kind, "llamacpp");
});

test("three requests later it is what was measured", async (context) => {
  const { machine, ledger, clock } = await createHarness(context, ollama);
  for (let times = 0; times < 3; times++) {
    const request = ledger.startRequest({ feature: "chat", provider: "ollama", model: "qwen2.5-coder:7b" });
    const first = request.span.child(firstTokenSpan);
    clock.advance(100);
    first.end();
    request.span.child("generation");
    clock.advance(1000);
    request.usage({ generatedTokens: 34 });
    request.end("ok");
  }
  const view = await machine.view();
  assert.equal(view.models[0]?.measured.tokensPerSecond, 33);
  const { tables, markdown } = machineTables(view);
  assert.match(tables[0]?.rows[0]?.join(" | ") ?? "", /^qwen2\.5-coder:7b \| \d+ \| \d+ \| \d+ tokens\/s, measured$/);
  assert.match(markdown, /\| qwen2\.5-coder:7b \|/);
});

test("requests that name a model without its tag are that model's", async (context) => {
  const { machine, ledger, clock } = await createHarness(context, { ...ollama, modelId: "qwen2.5-coder:latest" });
  for (let times = 0; times < 3; times++) {
    const request = ledger.startRequest({ feature: "chat", provider: "ollama", model: "qwen2.5-coder" });
    request.span.child("generation");
    clock.advance(1000);
    request.usage({ generatedTokens: 34 });
    request.end("ok");
  }
  const view = await machine.view();
  assert.equal(view.models[0]?.measured.tokensPerSecond, 33);
});

test("without a card the memory's speed is measured", async (context) => {
  const { machine } = await createHarness(context, ollama, []);
  const bandwidth = async (mayMeasure: boolean) => (await machine.view({ mayMeasure })).device.bandwidthBytesPerSecond;
  assert.notEqual(await bandwidth(false), 41e9, "nobody asked for a measurement");
  assert.equal((await machine.view()).device.vendor, "cpu");
  assert.equal(await bandwidth(true), 41e9);
  assert.equal(await bandwidth(false), 41e9, "what was measured counts from then on");
});

test("a server that wants a key is asked with the one that is stored for it, else left out", async (context) => {
  const { machine, server } = await createHarness(context, { modelId: "qwen2.5-coder-7b", apiKey: "a-long-key" });
  assert.equal((await machine.view()).models.length, 1);
  assert.ok(server.requests.some(({ headers }) => headers["authorization"] === "Bearer a-long-key"));
});

test("in a folder that is not trusted no server is asked", async (context) => {
  const { machine, server } = await createHarness(context, ollama);
  workspace.isTrusted = false;
  const view = await machine.view();
  assert.deepEqual([view.models, view.ollamaUrl, server.connections().opened], [[], undefined, 0]);
  assert.equal(view.device.name, "NVIDIA GeForce RTX 4090");
});

test("whoever has gone is not waited for", async (context) => {
  const { machine } = await createHarness(context, ollama);
  const gone = new AbortController();
  const viewing = machine.view({ signal: gone.signal });
  gone.abort();
  await assert.rejects(viewing, { name: "AbortError" });
});
