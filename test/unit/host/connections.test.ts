import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createRedactor } from "../../../src/base/redact.ts";
import { createConnections } from "../../../src/host/connections.ts";
import { faultKind, faultSentence } from "../../../src/host/sentences.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { type RoleSetting, type Settings } from "../../../src/host/settingsSchema.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { Provider } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, jsonReply, type ModelServerOptions } from "../../fake/modelServer.ts";

const createServer = async (context: TestContext, options: ModelServerOptions = {}) => {
  const server = await createModelServer(options);
  context.after(async () => server.close());
  return server;
};

const createHarness = (
  context: TestContext,
  values: Record<string, unknown>,
  apiKeys: Record<string, string> = {},
  storageFolder?: string,
) => {
  let { settings } = parseSettings((name) => values[name]);
  const clock = createFakeClock();
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const connections = createConnections({
    clock,
    log: { debug: keep, info: keep, warn: keep, error: keep },
    settings: () => settings,
    apiKeyFor: (origin) => Promise.resolve(apiKeys[origin]),
    network: () => ({ settings: {}, env: {} }),
    ...(storageFolder === undefined ? {} : { storageFolder }),
  });
  context.after(() => connections.dispose());
  return {
    clock,
    lines,
    connections,
    completion: (): RoleSetting => settings.completion!,
    change: (next: Record<string, unknown>): Settings => {
      ({ settings } = parseSettings((name) => next[name]));
      return settings;
    },
  };
};

const complete = async (provider: Provider, prefix = "const a = "): Promise<string> => {
  let text = "";
  for await (const part of provider.streamCompletion({ prefix, suffix: "", maxTokens: 20 })) {
    if (part.type === "text") text += part.text;
  }
  return text;
};

test("nothing is loaded before it is asked for; then one client and one guard serve every role", async (context) => {
  const server = await createServer(context);
  const values = { "completion.provider": "llamacpp", "completion.baseUrl": server.url };
  const { connections, completion } = createHarness(context, values);
  assert.equal(connections.facts(), undefined);
  assert.equal(connections.longestPause(), undefined);
  const ghostText = await connections.source("completion", completion());
  const chat = await connections.source("chat", completion());
  assert.equal(await complete(ghostText.provider), "return 42;");
  for await (const part of chat.provider.streamChat({ messages: [{ role: "user", content: "x" }] })) assert.ok(part);
  const facts = connections.facts();
  assert.equal(facts?.servers.length, 1, "two guards for one server and model");
  assert.equal(facts.servers[0]?.origin, server.url);
  assert.ok(facts.transport.reused > 0);
  assert.ok(server.connections().opened <= 2);
});

test("further addresses share the work, a fallback takes over when they are gone", async (context) => {
  const [first, second, last] = await Promise.all([
    createServer(context),
    createServer(context),
    createServer(context, { complete: () => "fromTheFallback();" }),
  ]);
  const { connections, completion } = createHarness(context, {
    "completion.provider": "llamacpp",
    "completion.baseUrl": first.url,
    "completion.moreBaseUrls": [second.url],
    "completion.fallbacks": [{ provider: "llamacpp", baseUrl: last.url }],
    // No quick second try, which would want time to pass.
    "network.retryWaitSeconds": 0,
  });
  const { provider } = await connections.source("completion", completion());
  // Texts that have nothing in common, which no server has read before.
  const texts = await Promise.all(["a", "b", "c", "d"].map((letter) => complete(provider, letter.repeat(500))));
  assert.deepEqual(new Set(texts), new Set(["return 42;"]));
  const asked = (server: typeof first) => server.requests.filter(({ path }) => path.startsWith("/completion")).length;
  assert.ok(asked(first) > 0 && asked(second) > 0, `${asked(first)} and ${asked(second)}`);
  assert.equal(asked(last), 0);
  await Promise.all([first.close(), second.close()]);
  assert.equal(await complete(provider), "fromTheFallback();");
  assert.ok((connections.facts()?.resilience.fallbacks ?? 0) > 0);
});

test("a connection is there before the request that wants it", async (context) => {
  const server = await createServer(context);
  const values = { "completion.provider": "llamacpp", "completion.baseUrl": server.url };
  const { connections, completion } = createHarness(context, values);
  await connections.transport();
  connections.warmUp(completion());
  const opened = async (): Promise<void> => {
    while (server.connections().opened === 0) await setImmediate();
  };
  await opened();
  assert.equal(server.requests.length, 0);
  const { provider } = await connections.source("completion", completion());
  await complete(provider);
  assert.equal(connections.facts()?.transport.opened, server.connections().opened);
});

test("settings that shape the client make it anew, others do not", async (context) => {
  const server = await createServer(context);
  const values = { "completion.provider": "llamacpp", "completion.baseUrl": server.url };
  const { connections, completion, change } = createHarness(context, values);
  await complete((await connections.source("completion", completion())).provider);
  const before = await connections.source("completion", completion());
  change({ ...values, "chat.provider": "ollama" });
  connections.settingsChanged();
  assert.equal((await connections.source("completion", completion())).provider, before.provider);
  change({ ...values, "completion.model": "other" });
  connections.settingsChanged();
  assert.notEqual((await connections.source("completion", completion())).provider, before.provider);
  assert.notEqual(connections.facts(), undefined);
  change({ ...values, "network.retryWaitSeconds": 2 });
  connections.settingsChanged();
  assert.equal(connections.facts(), undefined);
  await server.allClosed();
  await complete((await connections.source("completion", completion())).provider);
  connections.networkChanged();
  await server.allClosed();
  assert.equal(connections.facts(), undefined);
});

test("what one session has found out about a server the next one does not ask for again", async (context) => {
  const folder = await mkdtemp(join(os.tmpdir(), "hotpath-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "fill-in.json");
  const server = await createServer(context, { readsSuffix: false, chat: () => "chatted();", apiKey: "planted-key" });
  const values = { "completion.provider": "openai-compatible", "completion.baseUrl": `${server.url}/v1` };
  const sent = () => server.requests.filter(({ method }) => method === "POST").map(({ path: route }) => route);
  const session = async (): Promise<readonly string[]> => {
    const before = sent().length;
    const { connections, completion } = createHarness(context, values, { [server.url]: "planted-key" }, folder);
    const { provider } = await connections.source("completion", completion());
    assert.equal(await complete(provider, "plantedPrompt"), "chatted();");
    connections.dispose();
    // The file is whole from the moment it is there.
    while (!(await readFile(file, "utf8").catch(() => "")).includes('"works":"chat"')) await setImmediate();
    return sent().slice(before);
  };
  assert.deepEqual(await session(), ["/v1/completions", "/v1/chat/completions"]);
  assert.deepEqual(await session(), ["/v1/chat/completions"]);
  const kept = await readFile(file, "utf8");
  assert.ok(kept.includes(server.url));
  for (const secret of ["planted-key", "plantedPrompt", "chatted"]) assert.ok(!kept.includes(secret), secret);
  await writeFile(file, kept.slice(0, 40));
  assert.deepEqual(await session(), ["/v1/completions", "/v1/chat/completions"]);
});

test("a model was used here once ghost text has come from it, by its name and on its server", async (context) => {
  const folder = await mkdtemp(join(os.tmpdir(), "hotpath-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const server = await createServer(context, { ollama: {}, modelId: "qwen2.5-coder:7b" });
  const values = {
    "completion.provider": "ollama",
    "completion.baseUrl": server.url,
    "completion.model": "qwen2.5-coder:7b",
  };
  const first = createHarness(context, values, {}, folder);
  assert.equal(await first.connections.wasUsed(first.completion()), false);
  assert.equal(server.requests.length, 0);
  await complete((await first.connections.source("completion", first.completion())).provider);
  assert.equal(await first.connections.wasUsed(first.completion()), true);
  while (!(await readFile(join(folder, "fill-in.json"), "utf8").catch(() => "")).includes("works"))
    await setImmediate();
  // Of this one no more is known than what it refused.
  const kept = await readFile(join(folder, "fill-in.json"), "utf8");
  const { entries } = JSON.parse(kept) as { readonly entries: readonly object[] };
  const refusing = { ...entries[0], model: "refusing", facts: { refused: ["suffix-parameter"] } };
  await writeFile(join(folder, "fill-in.json"), JSON.stringify({ version: 1, entries: [...entries, refusing] }));
  const { connections, completion } = createHarness(context, values, {}, folder);
  const asked = server.requests.length;
  assert.equal(await connections.wasUsed(completion()), true);
  for (const model of ["qwen2.5-coder:32b", "refusing"])
    assert.equal(await connections.wasUsed({ ...completion(), model }), false, model);
  // Whichever model the server would take is one that nobody has named.
  assert.equal(await connections.wasUsed({ ...completion(), model: "" }), false);
  assert.equal(await connections.wasUsed({ ...completion(), baseUrl: "http://127.0.0.1:9" }), false);
  assert.equal(server.requests.length, asked);
  assert.equal(await createHarness(context, values).connections.wasUsed(completion()), false, "nothing is kept");
});

test("an address that cannot be used is said each time it is tried", async (context) => {
  const { connections, completion } = createHarness(context, {
    "completion.provider": "llamacpp",
    "completion.baseUrl": "http://127.0.0.1:9",
  });
  const setting = { ...completion(), baseUrl: "http://127.0.0.1:9/?query" };
  for (let count = 0; count < 2; count++) {
    await assert.rejects(connections.source("completion", setting), { kind: "bad-request" });
  }
});

test("the end closes every connection, also of a client that is still being loaded", async (context) => {
  const server = await createServer(context);
  const values = { "completion.provider": "llamacpp", "completion.baseUrl": server.url };
  const { connections, completion } = createHarness(context, values);
  const source = connections.source("completion", completion());
  connections.dispose();
  const { provider } = await source;
  await assert.rejects(complete(provider));
  // Nor is one made after the end kept.
  const late = await connections.source("completion", completion());
  await assert.rejects(complete(late.provider));
  await server.allClosed();
  assert.equal(connections.facts(), undefined);
});

test("planted keys and prompts stand in no log line, no trace and no sentence", async (context) => {
  const key = "planted-key-8f2a61";
  const marker = "plantedPromptMarker";
  const server = await createServer(context, { apiKey: key });
  const echo = (status: number, more = {}) =>
    jsonReply(status, { error: { message: `Bearer ${key} for ${marker}`, code: status, ...more } });
  const values = {
    "completion.provider": "openai-compatible",
    "completion.baseUrl": `${server.url}/v1`,
    "completion.model": "qwen2.5-coder",
    "network.retryWaitSeconds": 0,
  };
  const { clock, lines, connections, completion } = createHarness(context, values, { [server.url]: key });
  const { provider } = await connections.source("completion", completion());
  const ledger = createLedger({ clock });
  const sentences: string[] = [];
  await provider.capabilities();
  for (const status of [400, 401, 402, 403, 404, 413, 422, 429, 500]) {
    server.script("/v1/completions", ...Array.from({ length: 4 }, () => echo(status)));
    const request = ledger.startRequest({ feature: "completion", provider: provider.kind, model: "m" });
    try {
      const call = { span: request.span };
      for await (const part of provider.streamCompletion({ prefix: marker, suffix: "", maxTokens: 5 }, call)) void part;
    } catch (error) {
      const kind = faultKind(error);
      assert.ok(kind, String(error));
      request.end("failed", kind);
      sentences.push(faultSentence(kind, "host", (message) => message));
    }
  }
  assert.ok(sentences.length >= 8, `${sentences.length} faults`);
  assert.ok(server.requests.some(({ headers }) => headers["authorization"] === `Bearer ${key}`));
  // As the log channel sees them, and, without it, no key either.
  const redactor = createRedactor();
  redactor.learn(key);
  const kept = [...lines.map((line) => redactor.redact(line)), ...sentences, JSON.stringify(ledger.snapshot())];
  for (const text of kept) {
    assert.ok(!text.includes(key), text);
    assert.ok(!text.includes(marker), text);
  }
  assert.ok(!lines.join("\n").includes(key), lines.join("\n"));
});
