import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createApiKeys } from "../../../src/host/secrets.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { sampleMemory } from "../../../src/memory/sample.ts";
import { createTransportClient, type TransportClient } from "../../../src/transport/client.ts";
import { createModelServer, jsonReply, type ModelServerOptions } from "../../fake/modelServer.ts";
import { createSecrets } from "../../fake/secrets.ts";
import { env, person, type Step } from "../../fake/vscode.ts";

const { setUpProvider } = await import("../../../src/commands/setUpProvider.ts");

const usualPorts = /:(?:11434|8080|8081|1234|8000)\//;

const createFake = async (context: TestContext, options: ModelServerOptions = {}) => {
  const server = await createModelServer(options);
  context.after(async () => server.close());
  return server;
};

/** Where a request is really sent. */
type Route = (url: string, hasKey: boolean) => string;

/** The set-up with a person who does these steps. Nothing listens on the usual ports; `route` may lead elsewhere. */
const createHarness = (context: TestContext, route: Route = (url) => url) => {
  const client = createTransportClient({ clock: systemClock, log: silentLog });
  context.after(async () => client.close());
  const asked: string[] = [];
  const leadTo = ({ url, headers }: Pick<Parameters<TransportClient["request"]>[0], "url" | "headers">) =>
    route(url, headers?.["authorization"] !== undefined);
  const transport: TransportClient = {
    ...client,
    request(request) {
      if (usualPorts.test(request.url)) return Promise.reject(new Error("Nothing listens there"));
      asked.push(request.url);
      return client.request({ ...request, url: leadTo(request) });
    },
    getText: (request, maxBytes) => client.getText({ ...request, url: leadTo(request) }, maxBytes),
  };
  const apiKeys = createApiKeys(createSecrets(), () => {});
  const written: Readonly<Record<string, unknown>>[] = [];
  const options = {
    transport: () => Promise.resolve(transport),
    clock: systemClock,
    log: silentLog,
    apiKeys,
    settings: () => parseSettings(() => undefined).settings,
    readMemory: sampleMemory,
    async write(changes: Readonly<Record<string, unknown>>) {
      written.push(changes);
    },
  };
  const run = async (steps: readonly Step[], more: Partial<typeof options> = {}) => {
    person.reset(...steps);
    await setUpProvider({ ...options, ...more });
  };
  return { run, apiKeys, written, asked, transport, client };
};

const address = (url: string): Step[] => [{ take: "Another address" }, { type: url }];
const use: Step = { take: "Use these models" };
const isCorrected = () => person.shown.some(({ text }) => text.includes("The test failed"));
const lists = () => person.shown.filter(({ kind }) => kind === "list").map(({ text }) => text);

test("a warning is not waited for: the list is open again behind it", async (context) => {
  const { run, written } = createHarness(context);
  await run([...address("http://127.0.0.1:9"), "close"]);
  assert.deepEqual(person.said(), ["No model server answers at 127.0.0.1:9."]);
  assert.deepEqual(
    lists(),
    Array.from({ length: 2 }, () => "Hotpath: Set up a provider (1 of 2)"),
  );
  assert.deepEqual(written, []);
});

test("a refused key is said to be refused; a server that has gone meanwhile is not", async (context) => {
  const server = await createFake(context, { apiKey: "a-long-key" });
  const { run } = createHarness(context);
  await run([...address(server.url), { type: "wrong-key" }, "close"]);
  assert.match(person.said()[0] ?? "", /refused this key/);
  const gone = await createFake(context, { apiKey: "a-long-key" });
  const away = createHarness(context, (url, hasKey) => (hasKey ? "http://127.0.0.1:9/" : url));
  await away.run([...address(gone.url), { type: "a-long-key" }, "close"]);
  assert.deepEqual(person.said(), [`No model server answers at 127.0.0.1:${gone.port}.`]);
});

test("a server that is found, and whose key is stored, is opened with it", async (context) => {
  const server = await createFake(context, { apiKey: "a-long-key" });
  const { run, apiKeys, written } = createHarness(context);
  await apiKeys.set(server.url, "a-long-key");
  const before = process.env["OLLAMA_HOST"];
  process.env["OLLAMA_HOST"] = server.url;
  try {
    await run([{ take: `127.0.0.1:${server.port}` }, use]);
  } finally {
    if (before === undefined) delete process.env["OLLAMA_HOST"];
    else process.env["OLLAMA_HOST"] = before;
  }
  assert.ok(!person.shown.some(({ kind }) => kind === "box"));
  assert.equal(written.length, 1);
});

test("a cancelled test leads back to the models, and the rest still works", async (context) => {
  const server = await createFake(context);
  const { run, written } = createHarness(context);
  person.reset();
  const running = run([...address(server.url), use, use]);
  person.cancels.push("Testing");
  await running;
  assert.equal(lists().filter((title) => title.includes("2 of 2")).length, 2);
  assert.equal(written.length, 1);
  assert.match(person.said()[0] ?? "", /^llama\.cpp is set up: .* answered in/);
});

test("a test that failed is a question in the way; what is asked next uses the client as it is then", async (context) => {
  const server = await createFake(context);
  const { run, written, transport, client } = createHarness(context);
  // The network's settings are corrected while the question stands: the client of before is closed.
  const old: TransportClient = {
    ...transport,
    request: (request) => (isCorrected() ? Promise.reject(new Error("closed")) : transport.request(request)),
  };
  server.script("/completion", jsonReply(401, { error: { message: "no", code: 401 } }));
  await run([...address(server.url), use, { take: "Try again" }], {
    transport: () => Promise.resolve(isCorrected() ? client : old),
  });
  assert.match(person.list("The test failed")?.text ?? "", /refused the API key\. Go back/);
  assert.match(person.said()[0] ?? "", /answered in/);
  assert.equal(written.length, 1);
});

test("saved without a good test, it says so; what could not be saved is said, and nothing is lost", async (context) => {
  const server = await createFake(context);
  const { run, written } = createHarness(context);
  server.script("/completion", jsonReply(401, { error: { message: "no", code: 401 } }));
  await run([...address(server.url), use, { take: "Save anyway" }]);
  assert.equal(written.length, 1);
  assert.match(person.said()[0] ?? "", /^Saved/);
  await run([...address(server.url), use, "close"], { write: () => Promise.reject(new Error("read-only")) });
  assert.match(person.said()[0] ?? "", /could be saved/);
  assert.equal(lists().at(-1), "Hotpath: Set up a provider (2 of 2)");
});

test("a server without a model for text is not chosen", async (context) => {
  const server = await createFake(context, { ollama: {} });
  const { run } = createHarness(context);
  server.script("/api/tags", jsonReply(200, { models: [] }));
  await run([...address(server.url), "close"]);
  assert.match(person.said()[0] ?? "", /ollama pull/);
  const models = [{ name: "nomic-embed-text", details: { families: ["nomic-bert"] } }];
  server.script("/api/tags", jsonReply(200, { models }));
  await run([...address(server.url), "close"]);
  assert.match(person.said()[0] ?? "", /has no model/);
  assert.ok(lists().every((title) => title.includes("1 of 2")));
});

test("no model of a server with OpenAI's routes is taken for one that fills in because nobody says no", async (context) => {
  const server = await createFake(context, { lmStudio: {}, modelId: "llama-3.2-3b-instruct" });
  const { run } = createHarness(context);
  await run([...address(server.url), "close"]);
  const rows = person.list("2 of 2")?.choices.join("\n") ?? "";
  assert.match(rows, /Ghost text \| embedded predictor only/);
  assert.match(rows, /Chat \| llama-3\.2-3b-instruct/);
});

test("a model that can only chat is not proposed for ghost text, one that fills in is", async (context) => {
  for (const [capabilities, wanted] of [
    [["completion"], /Ghost text \| embedded predictor only/],
    [["completion", "insert"], /Ghost text \| mystery:7b/],
  ] as const) {
    const server = await createFake(context, { ollama: { capabilities }, modelId: "mystery:7b" });
    const { run } = createHarness(context);
    await run([...address(server.url), "close"]);
    assert.match(person.list("2 of 2")?.choices.join("\n") ?? "", wanted);
  }
});

test("a model's name draws no icon in a list", async (context) => {
  const server = await createFake(context, { lmStudio: {}, modelId: "$(check)-chat" });
  const { run } = createHarness(context);
  await run([...address(server.url), { take: "Chat" }, "close"]);
  for (const list of ["2 of 2", "Model for"]) {
    assert.ok(person.list(list)?.choices.some((choice) => choice.includes("\\$(check)-chat")));
  }
});

test("on the public internet nothing is chosen unasked, and a price that nobody names counts as one", async (context) => {
  const server = await createFake(context, { lmStudio: {}, modelId: "qwen2.5-coder-7b" });
  const { run, written, asked } = createHarness(context, (url) =>
    url.replace("https://models.example.com", server.url),
  );
  const choose: Step[] = [{ take: "Ghost text" }, { take: "qwen2.5-coder-7b" }];
  await run([...address("models.example.com"), ...choose, { take: "Use it for ghost text" }, use]);
  assert.ok(asked.includes("https://models.example.com/v1/models"));
  const first = person.shown.find(({ text }) => text.includes("2 of 2"));
  assert.ok(!first?.choices.join("\n").includes("qwen2.5-coder-7b"));
  assert.ok(person.list("may cost money"));
  assert.match(person.said()[0] ?? "", /what this test cost is not known/);
  assert.equal(written[0]?.["completion.model"], "qwen2.5-coder-7b");
});

test("OpenRouter's address is OpenRouter, with its prices", async (context) => {
  const { run, asked } = createHarness(context, () => "http://127.0.0.1:9/");
  await run([...address("https://openrouter.ai/api/v1"), { type: "sk-or-key" }, "close"]);
  assert.ok(person.shown.some(({ kind, text }) => kind === "box" && text === "OpenRouter key"));
  assert.ok(!asked.some((url) => url.endsWith("/v1/models") && !url.includes("/api/v1/")));
  assert.match(person.said()[0] ?? "", /openrouter\.ai/);
});

test("how to reach one's own computer holds no word of the machine at the other end", async (context) => {
  const { run } = createHarness(context);
  const forward = { take: "A server on your own computer" } as const;
  const running = run([forward, "close"]);
  env.remoteName = "ssh-remote";
  await running;
  assert.match(person.said()[0] ?? "", /ssh -R 11434:127\.0\.0\.1:11434 host /);
  const inContainer = run([forward, "close"]);
  env.remoteName = "dev-container";
  await inContainer;
  assert.match(person.said()[0] ?? "", /host\.docker\.internal/);
  assert.doesNotMatch(person.said()[0] ?? "", /ssh/);
});

test("which models fill in the middle is asked once for a server, also after a change", async (context) => {
  const server = await createFake(context, { ollama: {}, modelId: "mystery:7b" });
  const { run } = createHarness(context);
  const asked = () => server.requests.filter(({ path }) => path === "/api/show").length;
  await run([...address(server.url), "close"]);
  const once = asked();
  assert.ok(once > 0);
  server.script("/api/chat", jsonReply(500, { error: "no" }));
  server.script("/api/generate", jsonReply(500, { error: "no" }));
  await run([...address(server.url), use, { take: "Change" }, { take: "Chat" }, "close"]);
  assert.ok(person.list("The test failed"));
  // The test itself asks, too.
  assert.equal(asked(), once + once + 1);
});

test("what is not OpenRouter's fault is not said of it", async (context) => {
  const { run } = createHarness(context);
  const running = run([{ take: "OpenRouter (sign in)" }, "close"]);
  env.remoteName = "ssh-remote";
  const { openExternal } = env;
  env.openExternal = () => Promise.reject(new Error("no browser"));
  try {
    await running;
  } finally {
    env.openExternal = openExternal;
  }
  assert.deepEqual(person.said(), ["Something unexpected happened. 'Hotpath: Show log' tells more."]);
});
