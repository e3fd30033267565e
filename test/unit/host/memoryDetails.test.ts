import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serverOptions } from "../../../src/hardware/serverProcess.ts";
import type { MachineReading } from "../../../src/host/memoryReading.ts";
import type { LoadedResident, ModelResidency, UsedServer } from "../../../src/host/memoryResidency.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { person } from "../../fake/vscode.ts";

const { createMemoryDetails } = await import("../../../src/host/memoryDetails.ts");

const gb = 2 ** 30;
const file = fileURLToPath(new URL("../../fixtures/gguf/gpt-oss-tiny.gguf", import.meta.url));
const statistics = { hits: 0, misses: 0, evictions: 0, expired: 0, refused: 0 };

const setUp = (parts: { readonly used?: readonly UsedServer[]; readonly residents?: readonly LoadedResident[] }) => {
  person.reset();
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const state: { reading: MachineReading | undefined } = { reading: undefined };
  const residency = {
    used: () => parts.used ?? [],
    list: () => Promise.resolve(parts.residents ?? []),
    lastList: () => [],
    nextUnload: () => undefined,
    statistics: () => statistics,
  } as unknown as ModelResidency;
  const details = createMemoryDetails({
    clock,
    ledger,
    residency: () => residency,
    monitor: { latest: () => ({ machineAvailableBytes: 8 * gb }) as never },
    reading: () => state.reading,
  });
  return { clock, ledger, look: () => details.look(), state };
};

const readingOf = (args: readonly string[], port: number, gpus: MachineReading["gpus"] = []): MachineReading => ({
  cpu: "A processor",
  physicalCores: 4,
  gpus,
  servers: [{ ...serverOptions(args), port, isOllamas: false }],
  readAtMs: 0,
  dateMs: 0,
  ownGraphicsBytes: 0,
  graphics: undefined,
});

/** A llama.cpp server that keeps the model that it was started with. */
const pinned = (): UsedServer =>
  ({
    setting: { provider: "llamacpp", baseUrl: "http://127.0.0.1:8080", model: "" },
    provider: {
      kind: "llamacpp",
      origin: "http://127.0.0.1:8080",
      limiter: { running: 0 },
      capabilities: () => Promise.resolve({ model: "/models/tiny.gguf", slots: 1, contextTokens: 8192 }),
      models: () => Promise.resolve([{ id: "/models/tiny.gguf", sizeBytes: 4 * gb }]),
    },
    managed: undefined,
    usedAtMs: () => 0,
  }) as unknown as UsedServer;

test("a llama.cpp server's own model: its file's size, its context, and what the last request took of it", async () => {
  const { ledger, look } = setUp({ used: [pinned()] });
  const request = ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "/models/tiny.gguf" });
  request.usage({ promptTokens: 1900, generatedTokens: 100 });
  request.end("ok");
  const { models, tip } = await look();
  assert.deepEqual(models, [
    { model: "tiny.gguf", sizeBytes: 4 * gb, contextTokens: 8192, usedTokens: 2000, isOurs: true, isInUse: false },
  ]);
  assert.equal(tip, undefined);
});

test("one server under several names and addresses is one model, by whatever name it was used", async () => {
  const one = pinned();
  const setting = { ...one.setting, baseUrl: "http://localhost:8080", model: "coder" };
  const provider = { ...one.provider, origin: "http://localhost:8080", limiter: { running: 1 } };
  const newest = { ...one, setting, provider, usedAtMs: () => 1 } as unknown as UsedServer;
  const other = { ...one, provider: { ...one.provider, origin: "http://127.0.0.1:8081" } } as unknown as UsedServer;
  const plain = { ...newest, provider: { ...provider, kind: "openai-compatible" }, usedAtMs: () => 2 } as never;
  const { ledger, look } = setUp({ used: [one, newest, { ...one, setting }, other, plain] });
  const request = ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "coder" });
  request.usage({ promptTokens: 10, generatedTokens: 1 });
  request.end("ok");
  const { models, pinned: servers } = await look();
  assert.deepEqual(servers, [newest, other, plain]);
  assert.deepEqual(
    models.map(({ isInUse, usedTokens }) => [isInUse, usedTokens]),
    [
      [true, 11],
      [false, undefined],
    ],
  );
});

test("once the machine was read, its arguments count: the size with the context, and tips", async () => {
  const { look, state } = setUp({ used: [pinned()] });
  state.reading = readingOf(["llama-server", "-m", file, "-c", "8192", "-np", "1", "-t", "16", "-cram", "0"], 8080);
  const { models, tip } = await look();
  const mib = (models[0]?.sizeBytes ?? 0) / 2 ** 20;
  assert.ok(mib > 14 && mib < 15.5, String(mib));
  assert.equal(tip, "The model computes with 16 threads on 4 cores. Start llama-server with -t 4.");
  state.reading = readingOf(["llama-server", "-t", "16"], 9999);
  assert.equal((await look()).tip, undefined, "another server's arguments are not its");
});

test("prompts that were too long for a model are told of, however the server names it", async () => {
  const { ledger, look } = setUp({ used: [pinned()] });
  for (const model of ["tiny.gguf", "another"]) {
    ledger.startRequest({ feature: "chat", provider: "llamacpp", model }).end("failed", "context-overflow");
  }
  assert.match(
    (await look()).tip ?? "",
    /^Prompts were longer than the context of 8,192 tokens \(1 in the last hour\)\./,
  );
});

test("graphics memory counts what models take on this machine alone", async () => {
  const resident = (host: string, model: string) =>
    ({
      model,
      sizeBytes: 5 * gb,
      graphicsBytes: 5 * gb,
      isOurs: true,
      isInUse: false,
      usedAtMs: 0,
      server: { kind: "ollama", host },
    }) as unknown as LoadedResident;
  const { look } = setUp({ residents: [resident("", "a"), resident("box", "b")] });
  assert.equal((await look()).graphicsUsedBytes, 5 * gb);
  const { look: lookElsewhere } = setUp({ residents: [resident("box", "b")] });
  assert.equal((await lookElsewhere()).graphicsUsedBytes, undefined);
});
