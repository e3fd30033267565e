import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { suite, test } from "node:test";
import { memoryNeed } from "../../../src/hardware/memoryNeed.ts";
import { llamaFacts, readServerModels, type AskJson, type FactsServer } from "../../../src/hardware/serverModels.ts";

const gib = 1024 ** 3;
const ggufPath = fileURLToPath(new URL("../../fixtures/gguf/gpt-oss-tiny.gguf", import.meta.url));

const answers = (of: Readonly<Record<string, unknown>>): { ask: AskJson; asked: string[] } => {
  const asked: string[] = [];
  const ask: AskJson = async (method, route, body) => {
    const key = [method, route, ...(body ? [JSON.stringify(body)] : [])].join(" ");
    asked.push(key);
    if (of[key] instanceof Error) throw of[key];
    return of[key];
  };
  return { ask, asked };
};

const server = (more: Partial<FactsServer>): FactsServer => ({
  name: "Ollama",
  kind: "ollama",
  models: [],
  isHere: true,
  ...more,
});

const info = {
  "general.architecture": "gemma3",
  "general.parameter_count": 4e9,
  "gemma3.block_count": 34,
  "gemma3.context_length": 131_072,
  "gemma3.embedding_length": 2560,
  "gemma3.feed_forward_length": 10_240,
  "gemma3.attention.head_count": 8,
  "gemma3.attention.key_length": 256,
  "gemma3.attention.value_length": 256,
  "gemma3.attention.sliding_window": 1024,
};
const show = (model: string, verbose?: boolean) =>
  `POST /api/show ${JSON.stringify(verbose ? { model, verbose } : { model })}`;

suite("Ollama", () => {
  const models = [{ id: "gemma3:4b", sizeBytes: 3 * gib }];

  test("facts of each model by what it tells", async () => {
    const whole = { model_info: { ...info, "gemma3.attention.head_count_kv": 4 } };
    const { ask, asked } = answers({ [show("gemma3:4b")]: whole });
    const [found] = await readServerModels(server({ models }), ask);
    assert.equal(found?.facts?.weightsBytes, 3 * gib);
    assert.equal(found.facts.slidingWindowTokens, 1024);
    assert.deepEqual(asked, [show("gemma3:4b")]);
  });

  test("a list for each layer is asked for again, because the short answer leaves it out", async () => {
    const heads = Array.from({ length: 34 }, (_, layer) => (layer < 17 ? 4 : 2));
    const { ask } = answers({
      [show("gemma3:4b")]: { model_info: { ...info, "gemma3.attention.head_count_kv": null } },
      [show("gemma3:4b", true)]: { model_info: { ...info, "gemma3.attention.head_count_kv": heads } },
    });
    const [found] = await readServerModels(server({ models }), ask);
    const widths = found?.facts?.caches?.map(({ keyWidth }) => keyWidth) ?? [];
    assert.deepEqual(
      [...new Set(widths)].toSorted((a, b) => a - b),
      [512, 1024],
    );
  });

  test("a question that fails leaves the table, with the size that was listed", async () => {
    const { ask } = answers({ [show("mistral:7b")]: new Error("gone") });
    const listed = [
      { id: "mistral:7b", sizeBytes: 5 * gib },
      { id: "nobody-knows-it", sizeBytes: gib },
    ];
    const [mistral, unknown] = await readServerModels(server({ models: listed }), ask);
    assert.equal(mistral?.facts?.weightsBytes, 5 * gib);
    assert.equal(mistral.facts.name, "mistral:7b");
    assert.equal(unknown?.facts, undefined);
  });

  test("of a hundred models forty are asked about", async () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ id: `m${index}`, sizeBytes: gib }));
    const { ask, asked } = answers({});
    assert.equal((await readServerModels(server({ models: many }), ask)).length, 40);
    assert.ok(asked.length <= 40);
  });
});

/** Files that somebody wanted to read. */
const wanted: string[] = [];
const never = (file: string) => {
  wanted.push(file);
  return Promise.reject(new Error("Not for this test"));
};

suite("llama.cpp", () => {
  const models = [{ id: "tiny" }];
  const llama = server({ name: "llama.cpp", kind: "llamacpp", models });

  test("by the header of its file, where that lies here", async () => {
    const { ask } = answers({ "GET /props": { model_path: ggufPath } });
    const [found] = await readServerModels(llama, ask);
    assert.equal(found?.file, ggufPath);
    assert.equal(found.facts?.architecture, "gpt-oss");
    assert.ok(memoryNeed(found.facts, { contextTokens: 1024 }).kvBytes > 0);
  });

  test("by its name and the size that it tells, where the file is not to be seen", async () => {
    const { ask } = answers({
      "GET /props": { model_path: "/models/Qwen2.5-Coder-7B-Q4_K_M.gguf" },
      "GET /v1/models": { data: [{ id: "tiny", meta: { size: 4 * gib, n_ctx_train: 32_768 } }] },
    });
    const [found] = await readServerModels(llama, ask);
    assert.equal(found?.file, undefined);
    assert.equal(found?.facts?.weightsBytes, 4 * gib);
    assert.equal(found.facts.contextTokens, 32_768);
  });

  test("only a GGUF file by its whole path is read, and only of a server on this machine", async () => {
    for (const told of ["relative.gguf", "/etc/passwd", 7, undefined]) {
      const { ask } = answers({ "GET /props": { model_path: told } });
      assert.equal((await llamaFacts(ask, { id: "x" }, true, never)).file, undefined);
    }
    const { ask } = answers({ "GET /props": { model_path: ggufPath } });
    assert.equal((await llamaFacts(ask, { id: "x" }, false, never)).file, undefined);
    assert.deepEqual(wanted, []);
  });

  test("no file is asked of another machine, and none whose name could do something in a terminal", async () => {
    const hostile = [
      "//evil.example/share/x.gguf",
      "\\\\evil.example\\share\\x.gguf",
      "/a\u001b[201~\nb.gguf",
      "/\u202Eb.gguf",
    ];
    for (const told of hostile) {
      const { ask } = answers({ "GET /props": { model_path: told } });
      assert.equal((await llamaFacts(ask, { id: "x" }, true, never)).file, undefined);
    }
    assert.deepEqual(wanted, []);
  });

  test("a router's models by their names", async () => {
    const router = server({ name: "llama.cpp", kind: "llamacpp", models: [{ id: "qwen2.5-coder-7b" }, { id: "b" }] });
    const { ask, asked } = answers({});
    const [seven, other] = await readServerModels(router, ask);
    assert.equal(seven?.facts?.layers, 28);
    assert.equal(other?.facts, undefined);
    assert.deepEqual(asked, []);
  });
});

test("LM Studio by its list, which has sizes and the longest context", async () => {
  const { ask } = answers({
    "GET /api/v1/models": {
      models: [
        { type: "llm", key: "qwen2.5-coder-7b", size_bytes: 5 * gib, max_context_length: 16_384 },
        { type: "embedding", key: "mistral-7b-embed" },
        { key: 5 },
      ],
    },
  });
  const models = [{ id: "qwen2.5-coder-7b" }, { id: "mistral-7b" }];
  const studio = server({ name: "LM Studio", kind: "openai-compatible", models });
  const [seven, mistral] = await readServerModels(studio, ask);
  assert.deepEqual([seven?.facts?.weightsBytes, seven?.facts?.contextTokens], [5 * gib, 16_384]);
  assert.equal(mistral?.facts?.layers, 32);
});
