import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { type ModelSetting } from "../../../src/host/settingsSchema.ts";
import type { CallOptions, ModelInfo } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { world } from "../../fake/vscodeChat.ts";

const { createChatModelList } = await import("../../../src/host/chatModelsList.ts");

beforeEach(() => world.reset());

type Lists = Record<string, (call: CallOptions) => Promise<readonly ModelInfo[]>>;

const here = "http://127.0.0.1:8080";
const ollama = "http://127.0.0.1:11434";
const chatHere = { "chat.provider": "llamacpp", "chat.baseUrl": here };

const createHarness = (values: Record<string, unknown>, lists: Lists) => {
  const clock = createFakeClock();
  const asked: string[] = [];
  let changes = 0;
  let isTrusted = true;
  let current = values;
  const list = createChatModelList({
    clock,
    log: silentLog,
    settings: () => parseSettings((name) => current[name]).settings,
    isTrusted: () => isTrusted,
    open: async ({ baseUrl }: ModelSetting) => ({
      models: async (call = {}) => {
        asked.push(baseUrl);
        const answer = lists[baseUrl];
        if (!answer) throw new Error("refused");
        return answer(call);
      },
    }),
    onChanged: () => changes++,
  });
  return {
    clock,
    asked,
    list,
    names: async (signal?: AbortSignal) => (await list.models(signal)).map(({ name }) => name),
    changes: () => changes,
    distrust: () => (isTrusted = false),
    set: (next: Record<string, unknown>) => (current = next),
  };
};

const tells =
  (...models: readonly ModelInfo[]) =>
  async () =>
    models;

const never = ({ signal }: CallOptions) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });

/** Lets everything happen that waits for nothing but other promises. */
const settle = async () => {
  for (let count = 0; count < 30; count++) await Promise.resolve();
};

test("the models of all servers are listed, the chat's first, each once and none that writes no text", async () => {
  const values = {
    ...chatHere,
    "chat.fallbacks": [{ provider: "openrouter", model: "a/b" }],
    "completion.provider": "ollama",
    "completion.model": "qwen",
    "background.provider": "ollama",
    "background.baseUrl": `${ollama}/v1/`,
    "background.model": "gone",
  };
  const { list, asked } = createHarness(values, {
    [here]: tells({ id: "/m/tiny.gguf", contextTokens: 2048, tools: true }),
    [ollama]: tells({ id: "qwen:latest" }, { id: "big" }, { id: "nomic-embed-text" }, { id: "e", writesText: false }),
    "https://openrouter.ai/api/v1": tells({ id: "a/b" }, { id: "c/d", runsAt: "x" }),
  });
  const models = await list.models();
  assert.deepEqual(
    models.map(({ name }) => name),
    ["@hotpath: tiny", "tiny", "a/b", "c/d", "qwen:latest", "big", "qwen", "gone"],
  );
  assert.equal(models[0]!.maxInputTokens, 1536);
  assert.equal(asked.length, 3, "one question for each server, however its address is written");
  assert.deepEqual(
    models[1]!.exact,
    { provider: "llamacpp", baseUrl: here, model: "" },
    "the queue that it has already",
  );
  assert.equal(models[5]!.exact?.model, "big");
});

test("a chat model without fallbacks is not listed twice", async () => {
  const ollamaChat = { "chat.provider": "ollama", "chat.model": "qwen" };
  const sole = createHarness(chatHere, { [here]: tells({ id: "/m/tiny.gguf" }) });
  assert.deepEqual(await sole.names(), ["@hotpath: tiny"]);
  const named = createHarness(ollamaChat, { [ollama]: tells({ id: "qwen:latest", tools: false }, { id: "big" }) });
  const [role, ...others] = await named.list.models();
  assert.equal(role!.capabilities.toolCalling, false);
  assert.deepEqual(
    others.map(({ name }) => name),
    ["big"],
  );
});

test("a folder that is not trusted, and no server at all, ask nobody", async () => {
  const distrusted = createHarness(chatHere, { [here]: tells({ id: "m" }) });
  distrusted.distrust();
  assert.deepEqual(await distrusted.names(), ["@hotpath: llama.cpp"]);
  distrusted.list.answered({ provider: "llamacpp", baseUrl: here, model: "" });
  assert.deepEqual(distrusted.asked, []);
  const unset = createHarness({}, {});
  assert.deepEqual(await unset.names(), ["@hotpath: not set up"]);
  assert.deepEqual(unset.asked, []);
});

test("a server that fails hides neither the others nor the model that the settings name", async () => {
  const values = { ...chatHere, "background.provider": "ollama", "background.model": "qwen" };
  const { names, asked, clock } = createHarness(values, { [here]: tells({ id: "m" }) });
  assert.deepEqual(await names(), ["@hotpath: m", "qwen"]);
  assert.deepEqual(await names(), ["@hotpath: m", "qwen"]);
  assert.equal(asked.length, 2, "it is left alone for a while");
  assert.deepEqual(clock.pending(), []);
});

test("a server that is slow is waited for once, 1.5 s at most, and what comes later is told", async () => {
  const late = Promise.withResolvers<readonly ModelInfo[]>();
  const values = { ...chatHere, "background.provider": "ollama" };
  const harness = createHarness(values, { [here]: tells({ id: "m" }), [ollama]: () => late.promise });
  const first = harness.names();
  await settle();
  harness.clock.advance(1500);
  assert.deepEqual(await first, ["@hotpath: m"]);
  assert.equal(harness.changes(), 0);
  late.resolve([{ id: "big" }]);
  await settle();
  assert.equal(harness.changes(), 1);
  assert.deepEqual(await harness.names(), ["@hotpath: m", "big"]);
  assert.equal(harness.asked.length, 2);
  assert.deepEqual(harness.clock.pending(), []);
});

test("a question is given up after 10 s", async () => {
  const harness = createHarness(chatHere, { [here]: never });
  const first = harness.names();
  await settle();
  harness.clock.advance(1500);
  await first;
  harness.clock.advance(8500);
  await settle();
  assert.deepEqual(harness.clock.pending(), []);
});

test("cancelling ends the waiting at once", async () => {
  const harness = createHarness(chatHere, { [here]: never });
  const controller = new AbortController();
  const asking = harness.names(controller.signal);
  await settle();
  controller.abort();
  await assert.rejects(asking, { name: "AbortError" });
});

test("what is older than 30 s is asked anew behind the answer, and a change is told", async () => {
  let contextTokens = 8192;
  const harness = createHarness(chatHere, { [here]: async () => [{ id: "m", contextTokens }] });
  await harness.names();
  contextTokens = 2048;
  harness.clock.advance(29_999);
  assert.equal((await harness.list.models())[0]!.maxInputTokens, 6144);
  assert.equal(harness.asked.length, 1);
  harness.clock.advance(1);
  assert.equal((await harness.list.models())[0]!.maxInputTokens, 6144, "nobody waits for it");
  await settle();
  assert.equal(harness.changes(), 1);
  assert.equal((await harness.list.models())[0]!.maxInputTokens, 1536);
  harness.clock.advance(30_000);
  await harness.list.models();
  await settle();
  assert.equal(harness.changes(), 1, "the same again is no change");
});

test("after a first answer the server is asked what it has set aside for the model", async () => {
  const infos: ModelInfo[] = [{ id: "m" }];
  const harness = createHarness(chatHere, { [here]: async () => [...infos] });
  const setting = { provider: "llamacpp", baseUrl: here, model: "" } as const;
  harness.list.answered(setting);
  assert.equal(harness.asked.length, 0, "nobody wanted a list yet");
  await harness.names();
  harness.clock.advance(2000);
  infos[0] = { id: "m", contextTokens: 2048 };
  harness.list.answered(setting);
  await settle();
  assert.equal(harness.changes(), 1);
  assert.equal((await harness.list.models())[0]!.maxInputTokens, 1536);
  harness.list.answered(setting);
  await settle();
  assert.equal(harness.asked.length, 2, "what is known is fresh for a while");
});

test("other settings end what is under way and ask anew", async () => {
  const harness = createHarness(chatHere, { [here]: never, [ollama]: tells({ id: "big" }) });
  const first = harness.names();
  await settle();
  assert.ok(harness.list.isSetUp({ provider: "llamacpp", baseUrl: `${here}/`, model: "x" }));
  harness.set({ "chat.provider": "ollama" });
  harness.list.reset();
  await first;
  assert.deepEqual(await harness.names(), ["@hotpath: big"]);
  assert.ok(!harness.list.isSetUp({ provider: "llamacpp", baseUrl: here, model: "x" }));
  assert.deepEqual(harness.clock.pending(), []);
  assert.equal(harness.changes(), 0);
});
