import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock as clock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createConnections } from "../../../src/host/connections.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { ResidencyError } from "../../../src/memory/modelServer.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createMemento } from "../../fake/memento.ts";
import { createModelServer } from "../../fake/modelServer.ts";
import { createOllamaServer } from "../../fake/ollamaServer.ts";
import { person } from "../../fake/vscode.ts";

const { createMemory } = await import("../../../src/host/memory.ts");
const { isMuted } = await import("../../../src/host/memoryAlerts.ts");
const { muteMemoryAlerts, unloadModel, warmUpModel } = await import("../../../src/commands/memoryActions.ts");
const { lowerContext, lowerContexts } = await import("../../../src/commands/lowerContext.ts");
const { showMemoryMenu } = await import("../../../src/commands/memoryMenu.ts");

const gb = 2 ** 30;
const changes = (calls: readonly string[]) => calls.filter((call) => call !== "list");

/** The program's parts that the actions use, with a server that has these models. */
const setUp = async (context: TestContext, models: Record<string, number>, more: Record<string, unknown> = {}) => {
  person.reset();
  const server = await createOllamaServer({ models });
  const values: Record<string, unknown> = {
    "completion.provider": "ollama",
    "completion.baseUrl": server.url,
    "completion.model": Object.keys(models)[0],
    "memory.modelShare": 1,
    "memory.modelLimitShare": 1,
    ...more,
  };
  let { settings } = parseSettings((name) => values[name]);
  const faults: unknown[] = [];
  const advised: unknown[] = [];
  const connections = createConnections({
    clock,
    log: silentLog,
    settings: () => settings,
    apiKeyFor: () => Promise.resolve(undefined),
    network: () => ({ settings: {}, env: {} }),
    keepResident: async (provider, setting) => (await memory.residency()).wrap(provider, setting),
  });
  const memory = createMemory({
    clock,
    log: silentLog,
    ledger: createLedger({ clock }),
    statusBar: { show() {} } as never,
    settings: () => settings.memory,
    connections,
    apiKeys: { get: () => Promise.resolve(undefined) } as never,
    workerUrl: () => new URL("file:///none.js"),
    logUri: { fsPath: "/none" } as never,
    globalState: createMemento(),
  });
  memory.begin();
  context.after(async () => {
    memory.dispose();
    connections.dispose();
    await server.close();
  });
  const services = {
    clock,
    memory: () => Promise.resolve(memory),
    connections,
    notices: { noServer: () => Promise.resolve(), notTrusted: () => Promise.resolve() },
    settings: () => settings,
    write: async (wanted: Readonly<Record<string, unknown>>) => {
      Object.assign(values, wanted);
      ({ settings } = parseSettings((name) => values[name]));
      connections.settingsChanged();
      memory.settingsChanged(settings);
    },
    workerUrl: () => new URL("file:///none.js"),
    async reportFault(error: unknown) {
      faults.push(error);
    },
    adviseModels: (reading: unknown) => void advised.push(reading),
  };
  return { server, services, memory, faults, settings: () => settings, advised };
};

test("warming up loads the model of the settings and says how long it took", async (context) => {
  const { server, services } = await setUp(context, { coder: 5 * gb });
  await warmUpModel(services);
  assert.deepEqual(changes(server.calls), ["load coder 8192"]);
  assert.match(person.said()[0]!, /^coder is loaded; it took \d[\d.]* m?s\.$/);
});

test("a server that keeps its model by itself is said to", async (context) => {
  const single = await createModelServer();
  context.after(() => single.close());
  const { services } = await setUp(
    context,
    { coder: 1 },
    { "completion.provider": "llamacpp", "completion.baseUrl": single.url },
  );
  await warmUpModel(services);
  assert.match(person.said()[0]!, /keeps its model loaded by itself/);
});

test("a fault while loading is reported, not swallowed", async (context) => {
  const { services, server, faults } = await setUp(context, { coder: 1 });
  await server.close();
  await warmUpModel(services);
  assert.equal(faults.length, 1);
});

test("a model is chosen and unloaded; what another program has loaded only with consent", async (context) => {
  const { server, services } = await setUp(context, { coder: 5 * gb, theirs: gb });
  await warmUpModel(services);
  server.put("theirs");
  person.reset({ take: "theirs" });
  const unanswered = unloadModel(services, undefined);
  while (person.said().length === 0) await new Promise(setImmediate);
  assert.match(person.said()[0]!, /theirs was loaded by another program/);
  assert.ok(server.loaded.has("theirs"));
  void unanswered;
  person.reset({ take: "theirs" }, { press: "Unload" });
  await unloadModel(services, undefined);
  assert.deepEqual([...server.loaded.keys()], ["coder"]);
  person.reset();
  await unloadModel(services, "leastRecentlyUsed");
  assert.deepEqual(person.said(), ["coder was unloaded (5.0 GB)."]);
  person.reset();
  await unloadModel(services, "leastRecentlyUsed");
  assert.deepEqual(person.said(), ["No model is loaded that Hotpath can unload."]);
});

test("a model's name is no link where unloading it is told, and no icon in the list", async (context) => {
  const name = "[x](command:workbench.action.closeWindow)$(check)";
  const { services, server } = await setUp(context, { coder: 1, [name]: 1 });
  await warmUpModel(services);
  server.put(name);
  person.reset({ take: "closeWindow" }, { press: "Unload" });
  await unloadModel(services, undefined);
  assert.ok(!server.loaded.has(name));
  assert.ok(person.shown.some(({ kind }) => kind === "progress"));
  for (const { text, choices } of person.shown) {
    assert.doesNotMatch(text, /\[[^\]]*\]\(/);
    assert.ok(choices.every((choice) => !/(?<!\\)\$\(check/.test(choice)));
  }
});

/** The actions, with these models, and what comes of unloading them. */
const withResidents = async (
  context: TestContext,
  residents: readonly { readonly model: string; readonly host?: string; readonly isInUse?: boolean }[],
  unload: (model: string) => Promise<boolean>,
) => {
  const { services, memory } = await setUp(context, { coder: 1 });
  const loaded = residents.map(({ model, host = "", isInUse = false }, index) => ({
    model,
    key: model,
    sizeBytes: gb,
    isOurs: true,
    isInUse,
    usedAtMs: index,
    server: { host },
  }));
  const asked: string[] = [];
  const residency = {
    unload(resident: { readonly model: string }) {
      asked.push(resident.model);
      return unload(resident.model);
    },
  };
  const fake = {
    ...memory,
    models: () => Promise.resolve({ residents: loaded }),
    residency: () => Promise.resolve(residency),
  };
  return { asked, services: { ...services, memory: () => Promise.resolve(fake as never) } };
};

test("unloading all: what goes wrong with one is said of that one", async (context) => {
  const models = [{ model: "a" }, { model: "b" }, { model: "c" }, { model: "d" }];
  const { services, asked } = await withResidents(context, models, (model) => {
    if (model === "a") return Promise.reject(new ResidencyError("not-freed", { neededBytes: 0 }));
    if (model === "b") return Promise.reject(new Error("no"));
    return Promise.resolve(model === "c");
  });
  await unloadModel(services, "all");
  assert.deepEqual(asked, ["a", "b", "c", "d"]);
  assert.deepEqual(person.said(), [
    "c was unloaded (1.0 GB).",
    "a was unloaded, but its memory has not come back yet.",
    "b could not be unloaded.",
  ]);
});

const notFreed = () => Promise.reject(new ResidencyError("not-freed", { neededBytes: 0 }));

test("of several models the notices speak in the plural, and of none that is idle they say so", async (context) => {
  const unload = async (answer: () => Promise<boolean>, isInUse = false) => {
    const models = ["a", "b"].map((model) => ({ model, isInUse }));
    const { services } = await withResidents(context, models, answer);
    await unloadModel(services, "all");
    return person.said();
  };
  assert.deepEqual(await unload(() => Promise.resolve(true)), ["a, b were unloaded (2.0 GB)."]);
  assert.deepEqual(await unload(notFreed), ["a, b were unloaded, but their memory has not come back yet."]);
  assert.deepEqual(await unload(() => Promise.resolve(false)), ["a, b are in use now and stay loaded."]);
  assert.deepEqual(await unload(() => Promise.resolve(true), true), ["Every loaded model is in use now."]);
});

test("unloading that a person cancels ends without a word", async (context) => {
  const { services } = await withResidents(context, [{ model: "a" }], () =>
    Promise.reject(new DOMException("Cancelled", "AbortError")),
  );
  await unloadModel(services, "all");
  assert.deepEqual(person.said(), []);
});

test("the least recently used model is one of this machine: another one's memory is not what is short", async (context) => {
  const models = [{ model: "far", host: "box" }, { model: "near" }];
  const { services, asked } = await withResidents(context, models, () => Promise.resolve(true));
  await unloadModel(services, "leastRecentlyUsed");
  assert.deepEqual(asked, ["near"]);
});

test("a server that does not tell its context is left out, and is not waited for without end", async (context) => {
  const { services, memory } = await setUp(context, { coder: 1 });
  const given: unknown[] = [];
  const provider = {
    kind: "llamacpp",
    capabilities(call?: { readonly signal?: AbortSignal }) {
      given.push(call?.signal);
      return Promise.reject(new Error("no"));
    },
  };
  const fake = {
    ...memory,
    models: () => Promise.resolve({ residents: [], pinned: [{ provider }] }),
    residency: () => Promise.resolve({ used: () => [] }),
  };
  await lowerContext({ ...services, memory: () => Promise.resolve(fake as never) });
  assert.ok(given[0] instanceof AbortSignal);
  assert.match(person.said()[0]!, /^No loaded model/);
});

test("contexts are lowered to halves, never below what ghost text needs", () => {
  assert.deepEqual(lowerContexts(32_768), [16_384, 8192, 4096, 2048]);
  assert.deepEqual(lowerContexts(8192), [4096, 2048]);
  assert.deepEqual(lowerContexts(6000), [2048]);
  assert.deepEqual(lowerContexts(4000), []);
});

test("Ollama: with consent the model is loaded anew, once, and every request asks for that context", async (context) => {
  const { server, services, settings } = await setUp(context, { coder: 5 * gb });
  await warmUpModel(services);
  person.reset({ take: "4,096 tokens" }, { press: "Load anew" });
  await lowerContext(services);
  assert.match(person.said()[0]!, /all requests of Hotpath to Ollama ask for 4,096 tokens from now on/);
  assert.match(person.said().at(-1)!, /coder is loaded with a context of 4,096 tokens/);
  assert.equal(settings().memory.ollamaContextTokens, 4096);
  const { provider } = await services.connections.exact(settings().completion!).then((made) => ({ provider: made }));
  for await (const part of provider.streamCompletion({ prefix: "a", suffix: "b", maxTokens: 5 })) void part;
  assert.deepEqual(changes(server.calls), [
    "load coder 8192",
    "unload coder",
    "load coder 4096",
    "generate coder 4096",
  ]);
});

test("Ollama: without consent nothing happens", async (context) => {
  const { server, services } = await setUp(context, { coder: 5 * gb });
  await warmUpModel(services);
  person.reset({ take: "2,048 tokens" });
  void lowerContext(services);
  while (person.said().length === 0) await new Promise(setImmediate);
  assert.deepEqual(changes(server.calls), ["load coder 8192"]);
});

test("llama.cpp: an instruction to copy, for all slots together", async (context) => {
  const single = await createModelServer({ contextTokens: 8192, slots: 4 });
  context.after(() => single.close());
  const { services, settings } = await setUp(
    context,
    { coder: 1 },
    { "completion.provider": "llamacpp", "completion.baseUrl": single.url, "completion.model": "" },
  );
  const provider = await services.connections.exact(settings().completion!);
  for await (const part of provider.streamCompletion({ prefix: "a", suffix: "b", maxTokens: 5 })) void part;
  person.reset({ take: "4,096 tokens" }, { press: "Copy" });
  await lowerContext(services);
  assert.match(person.said()[0]!, /anew with -c 16384 to lower its context from 8,192 to 4,096 tokens/);
  assert.equal(person.clipboard, "-c 16384");
});

test("the command that is called mute never shows alerts again, but offers to", async (context) => {
  const { services } = await setUp(context, { coder: 1 });
  const { globalState } = await services.memory();
  await muteMemoryAlerts(services, undefined);
  await muteMemoryAlerts(services, undefined);
  assert.ok(isMuted(globalState, services.clock), "twice is still muted");
  person.reset({ press: "Show again" });
  await muteMemoryAlerts(services, "mute");
  await new Promise(setImmediate);
  assert.ok(!isMuted(globalState, services.clock));
  assert.match(person.said().at(-1) ?? "", /shown again/);
});

test("the menu offers what can work, and runs what is taken", async (context) => {
  const { services, server, memory, advised } = await setUp(context, { coder: 5 * gb, theirs: gb });
  person.reset({ take: "Show top processes" });
  await showMemoryMenu(services);
  assert.deepEqual(person.commands, [["hotpath.showTopProcesses", undefined]]);
  const before = person.list("Hotpath memory")!.choices.join("\n");
  assert.match(before, /Warm up the model \| coder/);
  assert.doesNotMatch(before, /Unload|context/);
  assert.equal(advised.length, 0, "there is no model to advise on");
  await warmUpModel(services);
  server.put("theirs");
  const readings: unknown[] = [];
  const readMachine = () => {
    const reading = memory.readMachine();
    readings.push(reading);
    return reading;
  };
  const atLevel = (machine: "normal" | "warning") => {
    const monitor = { ...memory.monitor, levels: () => ({ machine, host: "normal" as const }) };
    return { ...services, memory: () => Promise.resolve({ ...memory, monitor, readMachine }) };
  };
  await showMemoryMenu(atLevel("warning"));
  assert.equal(advised.length, 0, "there is no memory to read all models with");
  person.reset();
  await showMemoryMenu(atLevel("normal"));
  const after = person.list("Hotpath memory")!.choices.join("\n");
  assert.match(after, /Unload a model \| 2 loaded, 6\.0 GB/);
  assert.deepEqual([advised.length, readings.length], [1, 2]);
  assert.equal(advised[0], readings[1], "the click's one reading of the cards does for both");
  assert.match(after, /Unload all models that are not in use/);
  assert.match(after, /Lower a model's context/);
  assert.doesNotMatch(after, /Recommend/, "nobody has such a command here");
});

test("what to set for a loaded model is told where nothing is wrong with it", async (context) => {
  const { services, memory, server } = await setUp(
    context,
    { theirs: gb, coder: 5 * gb },
    { "completion.model": "coder" },
  );
  memory.setBatchTips(
    new Map([
      ["theirs:latest", "Another's."],
      ["coder:latest", "Best one request at a time."],
    ]),
  );
  server.put("theirs");
  assert.equal(memory.report().tip, undefined, "it is not loaded");
  await warmUpModel(services);
  assert.equal(memory.report().tip, "coder: Best one request at a time.");
  server.take("coder");
  await memory.models();
  assert.equal(memory.report().tip, "theirs: Another's.");
});
