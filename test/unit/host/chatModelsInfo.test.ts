import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { world } from "../../fake/vscodeChat.ts";

const { exactModel, roleModel, safeName, shareContext } = await import("../../../src/host/chatModelsInfo.ts");

beforeEach(() => world.reset());

const ollama = { provider: "ollama", baseUrl: "http://127.0.0.1:11434", model: "qwen3:8b" } as const;
const role = { ...ollama, moreBaseUrls: [], fallbacks: [] };
const openRouter = { provider: "openrouter", baseUrl: "https://openrouter.ai/api/v1", model: "a/b" } as const;

const at = (setting: Parameters<typeof exactModel>[0], info: object = {}) =>
  exactModel(setting, { id: "m", ...info }).detail;
const abilities = (info: object) => exactModel(ollama, { id: "m", ...info }).capabilities;

test("a name that a server made up can be no link, icon, picture or address", () => {
  const cases: Readonly<Record<string, string>> = {
    "qwen2.5-coder:7b": "qwen2.5-coder:7b",
    "hf.co/unsloth/Qwen3_A+B, (v2)": "hf.co/unsloth/Qwen3_A+B, (v2)",
    "/models/sub/tiny-coder.gguf": "tiny-coder",
    "$(alert) x": "alert) x",
    "[run](command:workbench.action.quit)": "run (command:workbench.action.quit)",
    "![p](https://evil.example/?q=1)": "p (https:/evil.example/ q 1)",
    "www.evil.example": "www evil.example",
    "<b onload=x>&amp;`y`": "b onload x amp y",
    "a\n# b\u0000\u202E": "a b",
    "@first": "first",
    "模型-7b": "模型-7b",
    "": "?",
    $$$: "?",
    "\uD800x": "x",
  };
  for (const [text, name] of Object.entries(cases)) assert.equal(safeName(text), name, text);
  assert.equal(safeName("x".repeat(500)).length, 80);
});

test("what is shown of a model holds nothing that Markdown would make a link of", () => {
  const id = "x $(bug) [run](command:y) <a> `b`";
  const model = exactModel(
    { ...ollama, model: id },
    { id, runsAt: "[evil](command:z)", contextTokens: 8192, promptUsdPerToken: 1e-6 },
  );
  const { name, detail, tooltip, id: shownId, family } = model;
  for (const text of [name, detail, tooltip!.replaceAll("\\$", ""), shownId, family]) {
    assert.doesNotMatch(text!, /[[\]<>`]|\$\(/, text);
  }
});

test("where a model runs is said in plain words", () => {
  assert.equal(at(ollama), "Ollama, 127.0.0.1:11434");
  assert.equal(at(ollama, { runsAt: "ollama.com" }), "ollama.com through Ollama, 127.0.0.1:11434");
  assert.equal(at(openRouter), "OpenRouter");
  assert.equal(at({ ...ollama, provider: "llamacpp", baseUrl: "http://[::1]:8080" }), "llama.cpp, [::1]:8080");
});

test("a context is shared out between question and answer, and never exceeded", () => {
  assert.deepEqual(shareContext(8192), { maxInputTokens: 6144, maxOutputTokens: 2048 });
  assert.deepEqual(shareContext(1_000_000), { maxInputTokens: 983_616, maxOutputTokens: 16_384 });
  assert.deepEqual(shareContext(200_000, 4096), { maxInputTokens: 195_904, maxOutputTokens: 4096 });
  for (const context of [1, 2, 3, 100, 2048, 4097.5]) {
    const { maxInputTokens, maxOutputTokens } = shareContext(context);
    assert.ok(maxInputTokens >= 1 && maxOutputTokens >= 1);
    assert.ok(context < 2 || maxInputTokens + maxOutputTokens <= context);
  }
  assert.ok(shareContext(8192, 0).maxOutputTokens > 0, "a longest answer of nothing is no figure");
});

test("what servers do not tell is assumed low near by, higher far away, and said", () => {
  const near = exactModel(ollama, { id: "m" });
  const far = exactModel(
    { provider: "openai-compatible", baseUrl: "https://api.example.com/v1", model: "m" },
    { id: "m" },
  );
  assert.equal(near.maxInputTokens + near.maxOutputTokens, 4096);
  assert.equal(far.maxInputTokens + far.maxOutputTokens, 32_768);
  assert.match(near.tooltip!, /does not tell its context; 4,096 tokens are assumed/);
});

test("what a model is known to lack keeps it out; images are offered only where they are read", () => {
  assert.deepEqual(abilities({}), { toolCalling: true, imageInput: false });
  assert.deepEqual(abilities({ tools: false, vision: false }), { toolCalling: false, imageInput: false });
  assert.deepEqual(abilities({ tools: true, vision: true }), { toolCalling: true, imageInput: true });
});

test("what is set for chat comes before any other name, so that nobody gets a model that costs by accident", () => {
  const others = ["@cf/first", "(a)", "_b", "-c", "0", "a", ".d", "$e", "Ä"].map(
    (id) => exactModel(ollama, { id }).name,
  );
  for (const first of [roleModel(role).name, roleModel(undefined).name]) {
    for (const name of others) assert.ok(first.localeCompare(name) < 0, name);
  }
  assert.equal(roleModel(role).name, "@hotpath: qwen3:8b");
  assert.equal(roleModel({ ...role, model: "" }, { id: "/m/tiny.gguf" }).name, "@hotpath: tiny");
  assert.equal(roleModel({ ...role, model: "" }).name, "@hotpath: Ollama");
});

test("one model has one id, and two have two", () => {
  const ids = [
    exactModel(ollama, { id: "a" }),
    exactModel(ollama, { id: "b" }),
    exactModel({ ...ollama, baseUrl: "http://127.0.0.1:11435" }, { id: "a" }),
    exactModel({ ...ollama, provider: "openai-compatible" }, { id: "a" }),
  ].map(({ id }) => id);
  assert.equal(new Set(ids).size, 4);
  assert.equal(exactModel(ollama, { id: "a", contextTokens: 5 }).id, ids[0]);
  assert.doesNotThrow(() => exactModel(ollama, { id: "\uD800" }));
});
