import assert from "node:assert/strict";
import { beforeEach, test, type TestContext } from "node:test";
import type * as vscode from "vscode";
import { createToolChooser } from "../../../src/assistant/toolChooser.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createConnections } from "../../../src/host/connections.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer } from "../../fake/modelServer.ts";
import { createToken, LanguageModelTextPart, LanguageModelToolCallPart, world } from "../../fake/vscodeChat.ts";
import type { ListedChatModel } from "../../../src/host/chatModelsInfo.ts";

const { registerChat } = await import("../../../src/host/registerChat.ts");

type Registered = vscode.LanguageModelChatProvider<ListedChatModel>;

beforeEach(() => world.reset());

const provider = () => (world as { provider: Registered }).provider;

const list = async (): Promise<readonly ListedChatModel[]> => {
  const token = createToken() as unknown as vscode.CancellationToken;
  return (await provider().provideLanguageModelChatInformation({ silent: true }, token)) ?? [];
};

/** The registration with a real client, as the program has it, and one llama.cpp and one Ollama behind it. */
const createHarness = async (context: TestContext, changed: Record<string, unknown> = {}) => {
  const clock = createFakeClock();
  const llama = await createModelServer({
    modelId: "/m/tiny.gguf",
    modelPath: "/m/tiny.gguf",
    contextTokens: 4096,
    chat: () => "From llama.cpp.",
  });
  const ollama = await createModelServer({ modelId: "big:7b", ollama: {}, chat: () => "From Ollama." });
  const values: Record<string, unknown> = {
    "chat.provider": "llamacpp",
    "chat.baseUrl": llama.url,
    "background.provider": "ollama",
    "background.baseUrl": ollama.url,
    ...changed,
  };
  const settings = () => parseSettings((name) => values[name]).settings;
  const connections = createConnections({
    clock,
    log: silentLog,
    settings,
    apiKeyFor: async () => undefined,
    network: () => ({ settings: {}, env: {} }),
  });
  const ledger = createLedger({ clock });
  let asksWhileStarting = 1;
  world.onSelect = async () => {
    for (let count = 0; count < asksWhileStarting; count++) first.push(await list());
  };
  const first: (readonly ListedChatModel[])[] = [];
  const register = (asks = 1) => {
    asksWhileStarting = asks;
    const registration = registerChat(
      {
        ledger,
        clock,
        log: silentLog,
        faults: async () => ({ report() {}, tell: (error) => ({ sentence: String(error) }) }),
        setting: () => settings().chat,
        settings,
        source: (setting) => connections.source("chat", setting),
        exact: (setting) => connections.exact(setting),
        tools: async () => createToolChooser({ ledger, count: () => undefined }),
        storageFolder: "/nowhere",
        onSuccess() {},
      },
      "" as unknown as vscode.Uri,
    );
    context.after(() => registration.dispose());
    return registration;
  };
  context.after(async () => {
    connections.dispose();
    await Promise.all([llama.close(), ollama.close()]);
  });
  return { llama, ollama, ledger, connections, first, register, values };
};

const answer = async (
  model: ListedChatModel,
  text = "Hello",
  token = createToken(),
  onPart: () => void = () => {},
): Promise<unknown[]> => {
  const parts: unknown[] = [];
  const progress = {
    report(part: unknown) {
      parts.push(part);
      onPart();
    },
  };
  await provider().provideLanguageModelChatResponse(
    model,
    [{ role: 1, content: [new LanguageModelTextPart(text)], name: undefined }],
    { toolMode: 1 },
    progress,
    token as unknown as vscode.CancellationToken,
  );
  return parts;
};

const message = (...content: readonly unknown[]) => ({ role: 1, content, name: undefined });

const textOf = (parts: readonly unknown[]) =>
  parts.map((part) => (part instanceof LanguageModelTextPart ? part.value : "")).join("");

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("start-up and changed settings give VS Code a model and reach no server", async (context) => {
  const { llama, ollama, connections, first, register } = await createHarness(context);
  const registration = register();
  await settle();
  assert.deepEqual(
    first.map((models) => models.map(({ id, name }) => `${id} ${name}`)),
    [["chat @hotpath: llamacpp"]],
  );
  let changes = 0;
  provider().onDidChangeLanguageModelChatInformation!(() => changes++);
  registration.settingsChanged();
  assert.equal(changes, 1);
  assert.equal((await list()).length, 1);
  assert.deepEqual([...llama.requests, ...ollama.requests], []);
  assert.equal(connections.facts(), undefined, "not even the client is loaded");
});

test("who asks while it starts is told to ask again", async (context) => {
  const { register, llama } = await createHarness(context);
  register(2);
  let changes = 0;
  provider().onDidChangeLanguageModelChatInformation!(() => changes++);
  await settle();
  assert.equal(changes, 1);
  assert.equal((await list()).length, 2);
  assert.ok(llama.requests.length > 0);
});

test("a model that is chosen is asked alone, through the queue and the ledger that all use", async (context) => {
  const { register, llama, ollama, ledger, connections } = await createHarness(context);
  register();
  await settle();
  const [role, exact] = await list();
  assert.equal(textOf(await answer(exact!)), "From Ollama.");
  assert.equal(textOf(await answer(role!)), "From llama.cpp.");
  const chats = (server: typeof llama) =>
    server.requests.filter(({ path }) => path.endsWith("chat") || path.endsWith("completions"));
  assert.equal(chats(ollama).length, 1);
  assert.equal(chats(llama).length, 1);
  assert.deepEqual(
    ledger.snapshot().requests.map(({ feature, model }) => `${feature} ${model}`),
    ["chat /m/tiny.gguf", "chat big:7b"],
  );
  const states = connections.facts()?.servers ?? [];
  assert.deepEqual(states.map(({ kind, model }) => `${kind} ${model}`).toSorted(), [
    "llamacpp ",
    "ollama ",
    "ollama big:7b",
  ]);
});

test("cancelling closes the request, and nothing comes after it", async (context) => {
  const { register, ollama } = await createHarness(context);
  register();
  await settle();
  const [, exact] = await list();
  ollama.script("/api/chat", {
    status: 200,
    headers: { "content-type": "application/x-ndjson" },
    body: [`${JSON.stringify({ message: { role: "assistant", content: "One" }, done: false })}\n`],
    finish: "hang",
  });
  const token = createToken();
  const parts: unknown[] = [];
  await assert.rejects(answer(exact!, "Hello", token, () => (parts.push(1), token.cancel())));
  await ollama.requests.at(-1)!.closedByClient;
  assert.equal(parts.length, 1);
  assert.equal(token.listeners.size, 0);
});

test("an untrusted folder lists the model and sends nothing", async (context) => {
  world.isTrusted = false;
  const { register, llama, ollama } = await createHarness(context);
  register();
  await settle();
  const [role, ...others] = await list();
  assert.deepEqual(others, []);
  await assert.rejects(answer(role!), /not trusted/);
  const long = "word ".repeat(1000);
  const token = createToken() as unknown as vscode.CancellationToken;
  assert.ok((await provider().provideTokenCount(role!, long, token)) > 500);
  assert.deepEqual([...llama.requests, ...ollama.requests], []);
});

test("a server that was taken out of the settings gets nothing more", async (context) => {
  const { register, ollama, values } = await createHarness(context);
  const registration = register();
  await settle();
  const [, exact] = await list();
  values["background.provider"] = "none";
  registration.settingsChanged();
  const already = ollama.requests.length;
  await assert.rejects(answer(exact!), /big:7b is no longer set up/);
  assert.equal(ollama.requests.length, already);
});

test("a list that cannot be had does not keep real requests from trying", async (context) => {
  const { register, connections, ollama } = await createHarness(context);
  const registration = register();
  await settle();
  await ollama.close();
  for (let count = 0; count < 8; count++) {
    assert.equal((await list()).length, 1);
    registration.settingsChanged();
  }
  for (const { breaker } of connections.facts()?.servers ?? []) assert.equal(breaker, "closed");
});

test("messages are counted with what is around their text", async (context) => {
  const { register, llama } = await createHarness(context);
  register();
  await settle();
  const [role] = await list();
  const token = createToken();
  const count = (text: Parameters<Registered["provideTokenCount"]>[1]) =>
    provider().provideTokenCount(role!, text, token as unknown as vscode.CancellationToken);
  const long = "word ".repeat(300);
  const counted = await count(long);
  assert.equal(llama.requests.at(-1)?.path, "/tokenize");
  const around = (await count(message(new LanguageModelTextPart(long)))) - counted;
  assert.ok(around >= 4 && around <= 6, String(around));
  assert.ok((await count({ ...message(new LanguageModelToolCallPart("1", "look", { at: 1 })), role: 2 })) > 8);
  token.cancel();
  await assert.rejects(async () => count(long));
});

test("a message to a model that is no longer listed reaches no other; the chat setting's own entry always works", async (context) => {
  const { register, llama, ollama } = await createHarness(context);
  register();
  await settle();
  const said: string[] = [];
  const response = { markdown: (text: string) => said.push(text), button() {}, reference() {} };
  const say = (model: object) => {
    const request = { prompt: "Hello there", command: undefined, references: [], model };
    const participant = (world as { participant: vscode.ChatRequestHandler }).participant;
    return participant(
      request as unknown as vscode.ChatRequest,
      { history: [] },
      response as unknown as vscode.ChatResponseStream,
      createToken() as unknown as vscode.CancellationToken,
    );
  };
  assert.equal((await say({ vendor: "hotpath", id: "chat", name: "@hotpath" }))?.errorDetails, undefined);
  assert.match(said.join(""), /From llama\.cpp\./);
  const asked = () => [...llama.requests, ...ollama.requests].filter(({ path }) => /chat|completion/.test(path)).length;
  const before = asked();
  const gone = { vendor: "hotpath", id: "ollama/gone", name: "gone:7b" };
  assert.deepEqual(await say(gone), {
    errorDetails: { message: "gone:7b is not offered by its server now. Choose another model." },
  });
  assert.equal(asked(), before);
  const exact = (await list())[1]!;
  await say({ ...exact, vendor: "hotpath" });
  assert.match(said.join(""), /From Ollama\./);
  world.isTrusted = false;
  assert.equal((await say(gone))?.errorDetails, undefined);
  assert.match(said.at(-1)!, /not trusted/);
});
