import assert from "node:assert/strict";
import { test } from "node:test";
import { llamaRouterServer, lmStudioServer, ollamaServer, type AskServer } from "../../../src/memory/modelServers.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { runClock } from "../../fake/modelMemory.ts";

const origin = "http://127.0.0.1:1";
const { signal } = new AbortController();

const scripted = (answers: Readonly<Record<string, unknown>>) => {
  const sent: string[] = [];
  const ask: AskServer = async (method, path, body) => {
    sent.push(`${method} ${path}${body ? ` ${JSON.stringify(body)}` : ""}`);
    const answer = answers[path];
    return typeof answer === "function" ? (answer as () => unknown)() : answer;
  };
  return { sent, ask };
};

test("Ollama: what is loaded, how much of it in graphics memory, loading and unloading without a prompt", async () => {
  const { sent, ask } = scripted({
    "/api/ps": {
      models: [
        {
          name: "a:latest",
          model: "a:latest",
          size: 100,
          size_vram: 70,
          context_length: 4096,
          expires_at: "2026-01-01T00:30:00Z",
        },
        { name: "b:7b", size: "odd" },
      ],
    },
  });
  const runner = { contextTokens: 2048, keepAlive: "30m", more: { shift: false } };
  const server = ollamaServer(
    origin,
    ask,
    () => runner,
    (listed) => listed.replace(/:latest$/, ""),
  );
  assert.deepEqual(await server.loaded(signal), [
    { model: "a", sizeBytes: 100, graphicsBytes: 70, contextTokens: 4096, expiresAtMs: Date.UTC(2026, 0, 1, 0, 30) },
    { model: "b:7b", sizeBytes: 0 },
  ]);
  await server.load("a:latest", signal);
  await server.unload("a:latest", signal);
  assert.deepEqual(sent.slice(1), [
    'POST /api/generate {"model":"a:latest","stream":false,"options":{"num_ctx":2048},"keep_alive":"30m","shift":false}',
    'POST /api/generate {"model":"a:latest","stream":false,"keep_alive":0}',
  ]);
});

test("llama.cpp's router: loading takes until the model is there", async () => {
  const clock = createFakeClock();
  let asked = 0;
  const { sent, ask } = scripted({
    "/models": () => ({
      data: [
        { id: "a", status: { value: ++asked < 4 ? "loading" : "loaded" } },
        { id: "b", status: { value: "unloaded" } },
        { id: "c", status: { value: "loaded", args: ["llama-server", "--parallel", "2"] } },
      ],
    }),
  });
  const server = llamaRouterServer(origin, ask, { clock, sizeOf: (model) => (model === "a" ? 5 : 0) });
  await runClock(clock, server.load("a", signal));
  assert.equal(clock.nowMs(), 750);
  assert.equal(sent[0], 'POST /models/load {"model":"a"}');
  assert.deepEqual(await server.loaded(signal), [
    { model: "a", sizeBytes: 5 },
    { model: "c", sizeBytes: 0, args: ["llama-server", "--parallel", "2"] },
  ]);
  await assert.rejects(server.load("b", signal), /did not load/);
});

test("LM Studio: copies count together and go together", async () => {
  const { sent, ask } = scripted({
    "/api/v1/models": {
      models: [
        { key: "a", size_bytes: 10, loaded_instances: [{ id: "a", config: { context_length: 8192 } }, { id: "a:2" }] },
        { key: "b", size_bytes: 10, loaded_instances: [] },
      ],
    },
  });
  const server = lmStudioServer(origin, ask);
  assert.deepEqual(await server.loaded(signal), [{ model: "a", sizeBytes: 20, contextTokens: 8192 }]);
  await server.unload("a", signal);
  assert.deepEqual(sent.slice(2), [
    'POST /api/v1/models/unload {"instance_id":"a"}',
    'POST /api/v1/models/unload {"instance_id":"a:2"}',
  ]);
});

test("odd answers are empty lists", async () => {
  for (const answer of [undefined, null, 5, "text", [], { models: 5, data: {} }, { models: [null], data: [null] }]) {
    const { ask } = scripted({ "/api/ps": answer, "/models": answer, "/api/v1/models": answer });
    const clock = createFakeClock();
    for (const server of [
      ollamaServer(origin, ask, () => ({ contextTokens: 1, keepAlive: "1m" })),
      llamaRouterServer(origin, ask, { clock, sizeOf: () => 0 }),
      lmStudioServer(origin, ask),
    ]) {
      assert.deepEqual(
        (await server.loaded(signal)).filter(({ model }) => model !== ""),
        [],
      );
    }
  }
});
