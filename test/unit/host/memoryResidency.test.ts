import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock as clock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { ModelSetting } from "../../../src/host/settingsSchema.ts";
import type { Provider } from "../../../src/provider/provider.ts";
import { createServers } from "../../../src/provider/servers.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createModelServer } from "../../fake/modelServer.ts";
import { createOllamaServer, type OllamaServerOptions } from "../../fake/ollamaServer.ts";
import { person } from "../../fake/vscode.ts";

const { createModelResidency } = await import("../../../src/host/memoryResidency.ts");

const gb = 2 ** 30;
const changes = (calls: readonly string[]) => calls.filter((call) => call !== "list");
const { signal } = new AbortController();

const setUp = async (
  context: TestContext,
  options: Partial<OllamaServerOptions> = {},
  more: { graphicsBytes?: () => Promise<number>; contextTokens?: number; managesModels?: boolean } = {},
) => {
  person.reset();
  const server = await createOllamaServer({
    models: { "a:latest": 6 * gb, b: 6 * gb, c: 6 * gb, huge: 40 * gb },
    ...options,
  });
  const transport = createTransportClient({ clock, log: silentLog });
  const shared = { transport, clock, log: silentLog, apiKeyFor: () => Promise.resolve(undefined) };
  const { contextTokens = 8192 } = more;
  const servers = createServers({ ...shared, ollamaContextTokens: contextTokens });
  const residency = createModelResidency({
    ...shared,
    transport: () => Promise.resolve(transport),
    settings: () => ({
      managesModels: more.managesModels ?? true,
      budget: { share: 0.7, limitShare: 0.85 },
      ollamaContextTokens: contextTokens,
    }),
    machine: () => ({ totalBytes: 20 * gb, availableBytes: 20 * gb }),
    graphicsBytes: more.graphicsBytes ?? (() => Promise.resolve(0)),
  });
  context.after(async () => {
    residency.dispose();
    servers.dispose();
    await transport.close();
    await server.close();
  });
  const setting = (model: string, baseUrl = server.url): ModelSetting => ({ provider: "ollama", baseUrl, model });
  const open = async (model: string) => residency.wrap(await servers.open(setting(model)), setting(model));
  return { server, residency, servers, setting, open };
};

const complete = async (provider: Provider): Promise<string> => {
  let text = "";
  for await (const part of provider.streamCompletion({ prefix: "const a = ", suffix: ";", maxTokens: 20 })) {
    if (part.type === "text") text += part.text;
  }
  return text;
};

test("Ollama: loaded as requests ask, once, and the least recently used goes before the next comes", async (context) => {
  const { server, residency, open } = await setUp(context);
  const [a, b, c] = await Promise.all(["a", "b", "c"].map(open));
  assert.equal(await complete(a!), "return 42;");
  await complete(b!);
  await complete(a!);
  await complete(c!);
  assert.deepEqual(changes(server.calls), [
    "load a:latest 8192",
    "generate a:latest 8192",
    "load b 8192",
    "generate b 8192",
    "generate a:latest 8192",
    "unload b",
    "load c 8192",
    "generate c 8192",
  ]);
  assert.ok(server.peakBytes() <= 14 * gb);
  const { misses, evictions, refused } = residency.statistics();
  assert.deepEqual({ misses, evictions, refused }, { misses: 3, evictions: 1, refused: 0 });
  assert.ok(residency.nextUnload());
});

test("a model over the limit is refused with a sentence, and never sent; with a large graphics card it is not", async (context) => {
  const { server, open } = await setUp(context);
  await assert.rejects(complete(await open("huge")), (error: Error & { kind?: string }) => {
    assert.equal(error.kind, "unsupported");
    assert.match(error.message, /^huge is not loaded: it needs about 46\.0 GB, and one model may take 17\.0 GB/);
    return true;
  });
  assert.deepEqual(changes(server.calls), []);
  let asked = 0;
  const graphicsBytes = () => {
    asked++;
    return Promise.resolve(48 * gb);
  };
  const large = await setUp(context, {}, { graphicsBytes });
  await complete(await large.open("b"));
  assert.equal(asked, 0, "main memory is enough for this one");
  await complete(await large.open("huge"));
  assert.equal(asked, 1);
  const unknown = await setUp(context, {}, { graphicsBytes: () => Promise.reject(new Error("no tool")) });
  assert.equal(await complete(await unknown.open("huge")), "return 42;", "where nobody knows, nothing is refused");
});

test("what another program calls its model is no link in the question", async (context) => {
  const link = "[x](command:y)";
  const { server, open } = await setUp(context, { models: { "a:latest": 6 * gb, [link]: 13 * gb } });
  server.put(link);
  person.reset({ press: "Keep it" });
  await assert.rejects(complete(await open("a")), /no room beside {2}x \(command:y\)/);
  assert.doesNotMatch(person.said()[0]!, /[[\]]/);
});

test("what another program has loaded stays, unless a person agrees; they are asked once", async (context) => {
  const { server, open, residency } = await setUp(context);
  server.put("b");
  server.put("c");
  person.reset({ press: "Keep it" });
  const a = await open("a");
  await assert.rejects(complete(a), /no room beside [bc], which another program has loaded/);
  await assert.rejects(complete(a), /another program/);
  assert.equal(person.said().length, 1);
  assert.deepEqual([...server.loaded.keys()], ["b", "c"]);
  const yes = await setUp(context);
  yes.server.put("b");
  yes.server.put("c");
  person.reset({ press: "Unload" });
  await complete(await yes.open("a"));
  assert.equal(yes.server.loaded.size, 2);
  assert.equal(
    (await residency.list(signal)).every(({ isOurs }) => !isOurs),
    true,
  );
});

test("warming up loads without a word, unless there is no room beside what is there", async (context) => {
  const { server, residency, servers, setting } = await setUp(context);
  const load = async (model: string, onlyIfRoom: boolean) =>
    residency.load(await servers.open(setting(model)), setting(model), signal, onlyIfRoom);
  assert.equal(await load("a", true), true);
  server.put("b");
  assert.equal(await load("c", true), false);
  assert.deepEqual(changes(server.calls), ["load a:latest 8192"]);
  assert.deepEqual(person.shown, []);
});

test("a server that keeps its model by itself, or is switched off, gets its request and no other", async (context) => {
  const single = await createModelServer();
  context.after(() => single.close());
  const { residency, servers, server, open } = await setUp(context, {}, { managesModels: false });
  await complete(await open("a"));
  assert.deepEqual(
    changes(server.calls),
    ["load a:latest 8192", "generate a:latest 8192"],
    "Ollama loads it by itself",
  );
  assert.deepEqual(await residency.list(signal), [], "nobody was asked what is loaded");
  const on = await setUp(context);
  const setting: ModelSetting = { provider: "llamacpp", baseUrl: single.url, model: "" };
  const provider = on.residency.wrap(await on.servers.open(setting), setting);
  assert.equal(await complete(provider), "return 42;");
  assert.equal(await complete(provider), "return 42;");
  const paths = single.requests.map(({ path }) => path);
  assert.equal(paths.filter((path) => path.startsWith("/models")).length, 0);
  assert.ok(paths.filter((path) => path === "/props").length <= 3, paths.join());
  assert.equal(await on.residency.load(provider, setting, signal), false);
  assert.equal(on.residency.used()[0]?.managed, undefined);
  assert.deepEqual([residency.used().length, (await servers.open(setting)).kind], [1, "llamacpp"]);
});

test("a yes to unloading what others loaded holds for what was loaded then", async (context) => {
  const { server, open, residency } = await setUp(context);
  server.put("b");
  server.put("c");
  person.reset({ press: "Unload" });
  const a = await open("a");
  await complete(a);
  server.take("a:latest");
  server.put("b");
  server.put("c");
  await residency.list(signal);
  person.reset({ press: "Keep it" });
  await assert.rejects(complete(a), /another program/);
  assert.equal(person.said().length, 1);
});

test("a model that was listed before counts once, and graphics cards are not looked for because of it", async (context) => {
  let asked = 0;
  const graphicsBytes = () => {
    asked++;
    return Promise.resolve(0);
  };
  const { server, residency, open } = await setUp(context, { models: { big: 10 * gb } }, { graphicsBytes });
  server.put("big");
  const big = await open("big");
  // The first to use it tells of its server, which then is on the list.
  await complete(big);
  await residency.list(signal);
  const [resident] = residency.lastList();
  await residency.unload(resident!, signal);
  await complete(big);
  assert.deepEqual(changes(server.calls).slice(-2), ["load big 8192", "generate big 8192"]);
  assert.equal(asked, 0);
});

test("where a server fails, what was known of its host last is told", async (context) => {
  const { residency, servers, setting, open } = await setUp(context);
  const broken = createServer((_request, response) => {
    response.statusCode = 500;
    response.end("{}");
  });
  await new Promise<void>((resolve) => {
    broken.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => broken.close());
  const { port } = broken.address() as { readonly port: number };
  const other = setting("x", `http://127.0.0.1:${port}`);
  await complete(await open("a"));
  await residency.list(signal);
  await assert.rejects(complete(residency.wrap(await servers.open(other), other)));
  const models = await residency.list(signal);
  assert.deepEqual(
    models.map(({ model }) => model),
    ["a"],
  );
});

test("a server that is no longer set up is not asked any more, until somebody uses it again", async (context) => {
  const { server, residency, open } = await setUp(context);
  const a = await open("a");
  await complete(a);
  residency.keepOnly(new Set([new URL(server.url).origin]));
  assert.equal((await residency.list(signal)).length, 1);
  residency.keepOnly(new Set());
  const asked = server.calls.length;
  assert.deepEqual([await residency.list(signal), residency.lastList(), residency.used()], [[], [], []]);
  assert.equal(server.calls.length, asked);
  await complete(a);
  assert.equal((await residency.list(signal)).length, 1);
  assert.equal(residency.used().length, 1);
});

test("a server that is opened anew was used before; switched off, nothing is unloaded by time", async (context) => {
  const more = { managesModels: true };
  const { residency, open } = await setUp(context, {}, more);
  await complete(await open("a"));
  const usedAtMs = residency.used()[0]!.usedAtMs();
  assert.ok(Number.isFinite(usedAtMs));
  await open("a");
  assert.equal(residency.used()[0]!.usedAtMs(), usedAtMs);
  assert.ok(residency.nextUnload());
  more.managesModels = false;
  assert.equal(residency.nextUnload(), undefined);
});

test("a server that is not there leaves the fault to the request", async (context) => {
  const { server, open, residency } = await setUp(context);
  const a = await open("a");
  await server.close();
  await assert.rejects(complete(a), { kind: "unreachable" });
  assert.deepEqual(await residency.list(signal), []);
});

test("llama.cpp's router: what a model will take is read from its file before it is loaded", async (context) => {
  const file = fileURLToPath(new URL("../../fixtures/gguf/gpt-oss-tiny.gguf", import.meta.url));
  const args = ["llama-server", "--ctx-size", "8192", "--parallel", "1", "--model", file];
  let value = "unloaded";
  const router = createServer((request, response) => {
    const send = (answer: object) => response.end(JSON.stringify(answer));
    if (request.url === "/props") return send({ role: "router" });
    if (request.url === "/models") return send({ data: [{ id: "tiny", status: { value, args } }] });
    if (request.url === "/models/load") value = "loaded";
    return send({ success: true });
  });
  await new Promise<void>((resolve) => {
    router.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => router.close());
  const address = router.address();
  const { residency, servers } = await setUp(context);
  const baseUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const setting: ModelSetting = { provider: "llamacpp", baseUrl, model: "tiny" };
  assert.ok(await residency.load(await servers.open(setting), setting, signal));
  const [resident] = await residency.list(signal);
  // 0.52 MiB of weights, 4.38 MiB of keys and values, and about 10 MiB to compute in, as its server logs.
  const mib = (resident?.sizeBytes ?? 0) / 2 ** 20;
  assert.ok(mib > 14 && mib < 15.5, String(mib));
  assert.deepEqual(resident?.args, args);
});
