import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { parseBaseUrl } from "../../../src/provider/baseUrl.ts";

const parse = (values: Record<string, unknown>) => parseSettings((name) => values[name]);

test("without settings there is no server and the predictor is on", () => {
  assert.deepEqual(parse({}), {
    settings: {
      completion: undefined,
      chat: undefined,
      background: undefined,
      completionStrategy: "ordered",
      promptLayout: "anchored",
      relatedFiles: true,
      relatedFilesAnywhere: false,
      hedging: true,
      hedgingMaxUsdPerDay: 0.05,
      speculateOnMetered: false,
      connectionsPerServer: 64,
      retryWaitMs: 10_000,
      showDelayMs: 0,
      nextEdit: undefined,
      predictorEnabled: true,
      predictorConfidence: "balanced",
      predictorMaxBytes: 268_435_456,
      predictorIndexesOnBattery: true,
      lowMemory: "automatic",
      toolCount: 12,
      memory: {
        intervalSeconds: 10,
        idleIntervalSeconds: 60,
        alerts: true,
        alertPercent: 80,
        hostWarningMb: 1024,
        hostCriticalMb: 2048,
        log: false,
        manageModels: true,
        modelShare: 0.7,
        modelLimitShare: 0.85,
        ollamaContextTokens: 8192,
        warmUp: true,
      },
    },
    problems: [],
  });
});

test("tools are chosen unless the setting says no, as many as another one says", () => {
  assert.equal(parse({ "tools.count": 20 }).settings.toolCount, 20);
  assert.equal(parse({ "tools.count": 20, "tools.selection": false }).settings.toolCount, undefined);
  const { settings, problems } = parse({ "tools.count": 1000, "tools.selection": "yes" });
  assert.equal(settings.toolCount, 64);
  assert.deepEqual(
    problems.map(({ setting }) => setting),
    ["hotpath.tools.selection", "hotpath.tools.count"],
  );
});

test("a provider alone is enough: the address is the one that server has by default", () => {
  const { settings } = parse({ "completion.provider": "llamacpp" });
  assert.deepEqual(settings.completion, {
    provider: "llamacpp",
    baseUrl: "http://127.0.0.1:8080",
    model: "",
    moreBaseUrls: [],
    fallbacks: [],
  });
  const addresses = {
    ollama: "http://127.0.0.1:11434",
    "openai-compatible": "http://127.0.0.1:1234/v1",
    openrouter: "https://openrouter.ai/api/v1",
  };
  for (const [provider, baseUrl] of Object.entries(addresses)) {
    const { completion } = parse({ "completion.provider": provider }).settings;
    assert.deepEqual([completion?.provider, completion?.baseUrl, completion?.model], [provider, baseUrl, ""]);
  }
});

test("chat falls back to the completion server and can have its own", () => {
  const shared = parse({ "completion.provider": "llamacpp" }).settings;
  assert.deepEqual(shared.chat, shared.completion);
  const own = parse({ "completion.provider": "llamacpp", "chat.provider": "openai-compatible", "chat.model": " m " });
  assert.deepEqual(own.settings.chat, {
    provider: "openai-compatible",
    baseUrl: "http://127.0.0.1:1234/v1",
    model: "m",
    moreBaseUrls: [],
    fallbacks: [],
  });
});

test("work in the background falls back to the chat's server and can have its own", () => {
  const inherited = parse({ "completion.provider": "llamacpp", "chat.provider": "ollama", "chat.model": "big" });
  assert.deepEqual(inherited.settings.background, inherited.settings.chat);
  const own = parse({ "chat.provider": "ollama", "background.provider": "ollama", "background.model": "small" });
  assert.equal(own.settings.background?.model, "small");
  assert.equal(own.settings.completion, undefined);
});

test("further addresses and fallbacks: a wrong entry is named, and costs no other", () => {
  const { settings, problems } = parse({
    "completion.provider": "openai-compatible",
    "completion.model": "m",
    "completion.moreBaseUrls": ["http://a:8000/v1", "nonsense", 5, " http://b:8000/v1 ", "http://me:geheim@c"],
    "completion.fallbacks": [
      { provider: "ollama", model: "small" },
      "ollama",
      { provider: "gpt9" },
      { provider: "none" },
      { provider: "openrouter", baseUrl: "ftp://x" },
      { provider: "openrouter", model: "qwen/qwen3-coder" },
    ],
  });
  assert.deepEqual(settings.completion?.moreBaseUrls, ["http://a:8000/v1", "http://b:8000/v1"]);
  assert.deepEqual(settings.completion.fallbacks, [
    { provider: "ollama", baseUrl: "http://127.0.0.1:11434", model: "small" },
    { provider: "openrouter", baseUrl: "https://openrouter.ai/api/v1", model: "qwen/qwen3-coder" },
  ]);
  const named = new Set(problems.map(({ kind, setting }) => `${kind} ${setting.replace("hotpath.completion.", "")}`));
  assert.deepEqual(
    [...named].toSorted(),
    [
      "bad-url fallbacks[4].baseUrl",
      "bad-url moreBaseUrls[1]",
      "bad-url moreBaseUrls[2]",
      "bad-url moreBaseUrls[4]",
      "unknown-provider fallbacks[2].provider",
      "wrong-type fallbacks[1]",
      "wrong-type moreBaseUrls[2]",
    ].toSorted(),
  );
  assert.doesNotMatch(JSON.stringify(problems), /geheim/);
});

test("fallbacks of its own replace those that a role inherits; further addresses belong to their model", () => {
  const { settings } = parse({
    "completion.provider": "llamacpp",
    "completion.moreBaseUrls": ["http://b:8080"],
    "completion.fallbacks": [{ provider: "ollama" }],
    "chat.moreBaseUrls": ["http://c:8080"],
    "chat.fallbacks": [{ provider: "openrouter", model: "m" }],
  });
  assert.deepEqual(settings.chat?.moreBaseUrls, ["http://b:8080"]);
  assert.deepEqual(
    settings.chat.fallbacks.map(({ provider }) => provider),
    ["openrouter"],
  );
  assert.deepEqual(settings.background, settings.chat);
});

test("numbers out of their range become the nearest in it, anything else the default; both are named", () => {
  const low = parse({ "network.connectionsPerServer": 0, "network.retryWaitSeconds": 1e9 });
  assert.deepEqual([low.settings.connectionsPerServer, low.settings.retryWaitMs], [1, 600_000]);
  const odd = parse({
    "network.connectionsPerServer": "many",
    "network.retryWaitSeconds": Number.NaN,
    "completion.hedgingMaxUsdPerDay": -1,
    "completion.hedging": 1,
    "completion.strategy": "cheapest",
    "completion.promptLayout": "sideways",
    "completion.relatedFiles": "no",
  });
  const { connectionsPerServer, retryWaitMs, hedgingMaxUsdPerDay, hedging, completionStrategy } = odd.settings;
  assert.deepEqual(
    [connectionsPerServer, retryWaitMs, hedgingMaxUsdPerDay, hedging, completionStrategy],
    [64, 10_000, 0, true, "ordered"],
  );
  assert.deepEqual([odd.settings.promptLayout, odd.settings.relatedFiles], ["anchored", true]);
  assert.deepEqual(odd.problems.map(({ kind }) => kind).toSorted(), [
    "out-of-range",
    "unknown-value",
    "unknown-value",
    "wrong-type",
    "wrong-type",
    "wrong-type",
    "wrong-type",
  ]);
  assert.equal(parse({ "completion.strategy": "fastest" }).settings.completionStrategy, "fastest");
  assert.equal(parse({ "completion.promptLayout": "classic" }).settings.promptLayout, "classic");
});

test("unknown values are left out and named", () => {
  const { settings, problems } = parse({
    "completion.provider": "gpt9",
    "chat.provider": "llamacpp",
    "chat.baseUrl": "ftp://host",
    "predictor.enabled": "yes",
  });
  assert.equal(settings.completion, undefined);
  assert.equal(settings.chat, undefined);
  assert.equal(settings.predictorEnabled, true);
  assert.deepEqual(
    problems.map(({ kind, setting }) => `${kind} ${setting}`),
    [
      "unknown-provider hotpath.completion.provider",
      "bad-url hotpath.chat.baseUrl",
      "wrong-type hotpath.predictor.enabled",
    ],
  );
});

test("values of a wrong type are no crash", () => {
  for (const value of [null, 5, {}, [], true]) {
    const { settings } = parse({
      "completion.provider": value,
      "completion.baseUrl": value,
      "completion.model": value,
    });
    assert.equal(settings.completion, undefined);
  }
});

test("a password in an address is refused and not repeated", () => {
  const { settings, problems } = parse({
    "completion.provider": "llamacpp",
    "completion.baseUrl": "http://me:secret-word@host",
  });
  assert.equal(settings.completion, undefined);
  assert.doesNotMatch(JSON.stringify(problems), /secret-word/);
});

test("the settings and the client judge an address alike", () => {
  for (const baseUrl of [
    "http://gpu-box:8000",
    "https://host/v1/",
    "http://host/?key=1",
    "http://host/#x",
    "ftp://host",
    "http://me@host",
    "host:1",
  ]) {
    let isUsable = true;
    try {
      parseBaseUrl(baseUrl);
    } catch {
      isUsable = false;
    }
    const { completion } = parse({ "completion.provider": "llamacpp", "completion.baseUrl": baseUrl }).settings;
    assert.equal(completion !== undefined, isUsable, baseUrl);
  }
});

test("how the predictor behaves can be chosen, and nonsense is told", () => {
  const { settings, problems } = parse({
    "predictor.confidence": "eager",
    "predictor.memoryMb": 64,
    "predictor.indexOnBattery": false,
  });
  assert.deepEqual(
    [settings.predictorConfidence, settings.predictorMaxBytes, settings.predictorIndexesOnBattery, problems.length],
    ["eager", 67_108_864, false, 0],
  );
  const odd = parse({ "predictor.confidence": "loud", "predictor.memoryMb": 1e9, "predictor.indexOnBattery": "no" });
  assert.deepEqual([odd.settings.predictorConfidence, odd.settings.predictorMaxBytes], ["balanced", 2_147_483_648]);
  assert.deepEqual(odd.problems.map(({ kind, setting }) => `${kind} ${setting}`).toSorted(), [
    "out-of-range hotpath.predictor.memoryMb",
    "unknown-value hotpath.predictor.confidence",
    "wrong-type hotpath.predictor.indexOnBattery",
  ]);
});

test("memory's settings have their own names and units, and nonsense is told", () => {
  const { settings, problems } = parse({
    "memory.intervalSeconds": 300,
    "memory.alertPercent": 500,
    "memory.log": "yes",
    "memory.modelShare": "half",
  });
  const { intervalSeconds, alertPercent, log, modelShare } = settings.memory;
  assert.deepEqual([intervalSeconds, alertPercent, log, modelShare], [300, 100, false, 0.7]);
  assert.deepEqual(problems.map(({ kind, setting }) => `${kind} ${setting}`).toSorted(), [
    "out-of-range hotpath.memory.alertPercent",
    "wrong-type hotpath.memory.log",
    "wrong-type hotpath.memory.modelShare",
  ]);
});
