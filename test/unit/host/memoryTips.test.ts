import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelFacts } from "../../../src/hardware/modelFacts.ts";
import { factsFromHeader } from "../../../src/hardware/modelFacts.ts";
import { serverOptions, type ServerProcess } from "../../../src/hardware/serverProcess.ts";
import {
  createFileSizes,
  createHeaders,
  needOf,
  ollamasOptions,
  optionsAtPort,
  residentOptions,
  rowsOf,
  startedBytes,
  tipFactsOf,
  type TipSubject,
} from "../../../src/host/memoryTips.ts";
import type { MachineReading } from "../../../src/host/memoryReading.ts";
import type { LoadedResident } from "../../../src/host/memoryResidency.ts";
import { memoryTips } from "../../../src/memory/tips.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";

const gb = 2 ** 30;
const t = (message: string, ...values: (string | number)[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));

const reading = (servers: readonly ServerProcess[], gpus: MachineReading["gpus"] = []): MachineReading => ({
  cpu: "A processor",
  physicalCores: 8,
  gpus,
  servers,
  readAtMs: 0,
  dateMs: 0,
  ownGraphicsBytes: 0,
  graphics: undefined,
});
const started = (line: string, isOllamas = false, port = 8080): ServerProcess => ({
  ...serverOptions(line.split(" ")),
  port,
  isOllamas,
});

/** 8 layers of 2 heads x 128: 8 KiB a token, 64 MiB at 8,192 tokens. */
const facts: ModelFacts = factsFromHeader(
  {
    values: new Map<string, string | number>([
      ["general.architecture", "llama"],
      ["llama.block_count", 8],
      ["llama.embedding_length", 1024],
      ["llama.attention.head_count", 8],
      ["llama.attention.head_count_kv", 2],
    ]),
    tensors: [],
    fileBytes: 0,
  },
  "m",
);

const subject: TipSubject = {
  server: "llamacpp",
  loaded: { model: "coder.gguf", sizeBytes: 5 * gb, contextTokens: 4096 },
  isHere: true,
  names: ["coder.gguf"],
};
const sources = { nowMs: 0, rows: [], reading: undefined, machineAvailableBytes: 4 * gb };
const tipsOf = (more: Partial<TipSubject>, now: Partial<Parameters<typeof tipFactsOf>[1]> = {}) =>
  memoryTips(tipFactsOf({ ...subject, ...more }, { ...sources, ...now }), t).map(({ id }) => id);

test("a server's own arguments feed the rules", () => {
  const options = serverOptions("llama-server -t 16 -fa off --cache-ram 8192 -c 16384".split(" "));
  const here = { reading: reading([]) };
  assert.deepEqual(tipsOf({ options }, here), ["threads", "prompt-cache"]);
  // With a card nobody knows where the model lies, so nothing is said of threads.
  const card = { reading: reading([], [{ name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gb }]) };
  const long = { ...subject.loaded, contextTokens: 16_384 };
  assert.deepEqual(tipsOf({ options, loaded: long }, card), ["flash-attention", "prompt-cache"]);
  const all = serverOptions("llama-server -t 16 -ngl 0".split(" "));
  assert.ok(tipsOf({ options: all }, card).includes("threads"), "no layer lies on the card");
  assert.deepEqual(tipsOf({}, here), [], "without arguments nothing is guessed");
});

test("a server on another machine is told nothing of this one's cores and memory", () => {
  const options = serverOptions("llama-server -t 16 -ngl 0 --cache-ram 65536".split(" "));
  assert.deepEqual(tipsOf({ options, isHere: false }, { reading: reading([]) }), []);
});

test("what keys and values take is reckoned from the header, the arguments and the slots' context", () => {
  const kvMib = (line: string, contextTokens?: number) =>
    (needOf(facts, serverOptions(line.split(" ")), contextTokens)?.kvBytes ?? 0) / 2 ** 20;
  assert.equal(kvMib("llama-server -c 8192"), 64);
  assert.equal(kvMib("llama-server -np 2", 4096), 64, "each slot has its own part");
  assert.equal(kvMib("llama-server", 8192), 64, "four slots that share one context");
  assert.equal(kvMib("llama-server -c 8192 -ctk q8_0 -ctv q8_0"), 34);
  assert.equal(kvMib("llama-server -c 8192 -ctk odd"), 64);
  assert.equal(needOf(facts, {}, undefined), undefined);
  const options = serverOptions("llama-server -c 65536 -ctk f16".split(" "));
  const need = { weightsBytes: gb, kvBytes: 3 * gb, stateBytes: 0, computeBytes: 0, totalBytes: 4 * gb };
  const short = { machineAvailableBytes: 2 * gb };
  assert.deepEqual(tipsOf({ options, need }, short), ["half-cache", "prompt-cache"]);
  const eight = serverOptions("llama-server -c 65536 -ctk q8_0 -cram 0".split(" "));
  assert.deepEqual(tipsOf({ options: eight, need }, short), []);
});

test("Ollama: what it takes beside its file is the context, and its process says how many requests it takes", () => {
  const { clock, rows } = busyHour(1);
  const options = serverOptions("llama-server -c 32768 -np 4".split(" "));
  const ollama = { server: "ollama", loaded: { model: "coder:7b", sizeBytes: 9 * gb, graphicsBytes: 9 * gb } } as const;
  const ids = tipsOf({ ...ollama, names: ["coder:7b"], options, fileBytes: 5 * gb }, { nowMs: clock.nowMs(), rows });
  assert.deepEqual(
    ids,
    ["half-cache", "unused-slots"].filter((id) => ids.includes(id as never)),
  );
  assert.ok(ids.includes("unused-slots"));
});

test("requests that wait for each other are seen in the ledger, by any of the model's names", () => {
  const { clock, rows } = busyHour(3);
  const options = serverOptions("llama-server -np 1 -ngl 0 -cram 0".split(" "));
  const need = { weightsBytes: gb, kvBytes: gb / 4, stateBytes: 0, computeBytes: 0, totalBytes: 4 * gb };
  const now = { nowMs: clock.nowMs(), rows };
  assert.deepEqual(tipsOf({ options, need, names: ["/models/coder:7b"] }, now), ["more-slots"]);
  assert.deepEqual(tipsOf({ options, need, names: ["another"] }, now), []);
});

/** An hour in which up to so many requests came at once to a server with one slot. */
function busyHour(together: number) {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  for (let round = 0; round < 10; round++) {
    const requests = Array.from({ length: together + 1 }, () =>
      ledger.startRequest({ feature: "completion", provider: "ollama", model: "coder:7b" }),
    );
    const waits = requests.slice(1).map(({ span }) => span.child("queue"));
    for (const [place, request] of requests.entries()) {
      clock.advance(10);
      request.end("ok");
      waits[place]?.end();
    }
  }
  return { clock, rows: ledger.snapshot().requests };
}

test("one model's requests are found under a path, an alias and a name without its tag", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  for (const model of ["/models/coder.gguf", "coder.gguf", "Qwen", "other"]) {
    ledger.startRequest({ feature: "chat", provider: "llamacpp", model }).end("ok");
  }
  const { requests } = ledger.snapshot();
  assert.equal(rowsOf(requests, ["C:\\models\\coder.gguf"]).length, 2);
  assert.equal(rowsOf(requests, ["qwen:latest"]).length, 1);
  assert.equal(rowsOf(requests, [""]).length, 0);
});

const modelWith = (contextTokens: number) => ({ model: "m", sizeBytes: 1, contextTokens });

test("whose process it is: by port, by being alone, or by its context", () => {
  const own = started("llama-server -np 2");
  const small = started("llama-server -c 8192 -np 2", true, 40_001);
  const large = started("llama-server -c 16384 -np 1", true, 40_002);
  const all = reading([small, large, own]);
  assert.equal(optionsAtPort("http://127.0.0.1:8080", all), own);
  assert.equal(optionsAtPort("http://127.0.0.1:40001", all), undefined, "Ollama's own are nobody's servers");
  assert.equal(optionsAtPort("http://127.0.0.1:8080", undefined), undefined);
  assert.equal(ollamasOptions(modelWith(1), 1, reading([small])), small, "the only one");
  assert.equal(ollamasOptions(modelWith(1), 2, reading([small])), undefined);
  assert.equal(ollamasOptions(modelWith(4096), 2, all), small);
  assert.equal(ollamasOptions(modelWith(16_384), 2, all), large);
  assert.equal(ollamasOptions(modelWith(8192), 2, all), undefined);
  const resident = { ...modelWith(4096), server: { kind: "ollama", host: "" } } as unknown as LoadedResident;
  assert.equal(residentOptions(resident, 2, all), small);
  const elsewhere = { ...resident, server: { kind: "ollama", host: "box" } } as unknown as LoadedResident;
  assert.equal(residentOptions(elsewhere, 2, all), undefined);
  const routed = { ...resident, args: ["llama-server", "-t", "3"] };
  assert.equal(residentOptions(routed, 2, undefined)?.threads, 3, "a router tells by itself");
});

test("a header is read once, from a file of this machine with that ending only", async () => {
  const files: string[] = [];
  const header = createHeaders((file) => {
    files.push(file);
    return file.includes("gone") ? Promise.reject(new Error("gone")) : Promise.resolve(facts);
  });
  assert.equal(await header("/models/coder.gguf"), facts);
  assert.equal(await header("/models/coder.gguf"), facts);
  const elsewhere = ["//box/share/coder.gguf", "\\\\box\\share\\coder.gguf", "/models/\u001b[201~.gguf"];
  const others = ["coder.gguf", "/etc/passwd", undefined, ...elsewhere];
  for (const file of [...others, "/models/gone.gguf", "/models/gone.gguf"]) {
    assert.equal(await header(file), undefined);
  }
  assert.deepEqual(files, ["/models/coder.gguf", "/models/gone.gguf"]);
});

test("what a server will take is known beforehand by its arguments and the file's header", async () => {
  const header = () => Promise.resolve({ ...facts, weightsBytes: gb });
  const bytes = (line: string) => startedBytes(line.split(" "), header);
  const eight = await bytes("llama-server -m /m.gguf -c 8192 -np 1");
  assert.ok(eight !== undefined && eight > gb + 64 * 2 ** 20 && eight < gb + 128 * 2 ** 20, String(eight));
  assert.equal(await bytes("llama-server -m /m.gguf"), gb, "the context is the server's choice");
  assert.equal(await startedBytes(["llama-server"]), undefined);
});

test("a file's size is asked for once", async () => {
  let asked = 0;
  const provider = {
    origin: "http://127.0.0.1:11434",
    models: () => {
      asked++;
      return asked === 1
        ? Promise.reject(new Error("busy"))
        : Promise.resolve([{ id: "a" }, { id: "b:latest", sizeBytes: 7 }]);
    },
  };
  const managed = { isNamed: (listed: string, model: string) => listed === `${model}:latest` };
  const sizeOf = createFileSizes();
  const ask = () => sizeOf({ provider, managed } as never, "b", new AbortController().signal);
  assert.equal(await ask(), undefined);
  assert.equal(await ask(), 7);
  assert.equal(await ask(), 7);
  assert.equal(asked, 2);
});

test("a server that tells no sizes is not asked for them again", async () => {
  let asked = 0;
  const provider = {
    origin: "http://127.0.0.1:8080",
    models: () => {
      asked++;
      return Promise.resolve([{ id: "a" }]);
    },
  };
  const sizeOf = createFileSizes();
  for (let look = 0; look < 2; look++) {
    assert.equal(await sizeOf({ provider, managed: undefined } as never, "a", new AbortController().signal), undefined);
  }
  assert.equal(asked, 1);
});
