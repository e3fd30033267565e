// Where keys go, and what is told of keys and prompts: cases 36, 37 and 47.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createRedactor } from "../../src/base/redact.ts";
import { createApiKeys } from "../../src/host/secrets.ts";
import { parseSettings } from "../../src/host/settingsReader.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { ProviderKind } from "../../src/provider/provider.ts";
import { createServers } from "../../src/provider/servers.ts";
import {
  createModelServer,
  hangReply,
  htmlReply,
  jsonReply,
  linesReply,
  ndjson,
  resetReply,
  sse,
  streamReply,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import {
  baseUrlOf,
  chatPathOf,
  chunk,
  createHarness,
  createKeptLog,
  createNetwork,
  drive,
  everythingOf,
  generatingRequests,
  line,
  modelId,
  plantedKey,
  providerKinds,
  question,
  settle,
  until,
} from "./harness.ts";

const redirectTo = (status: number, location: string): ScriptedReply => ({ status, headers: { location } });

for (const kind of providerKinds) {
  test(`#36 ${kind}: a redirect to another host is refused, and that host hears nothing`, async (context) => {
    const other = await createModelServer({ modelId });
    context.after(() => other.close());
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), redirectTo(307, other.url + chatPathOf(kind)));
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "bad-response");
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
    assert.equal(generatingRequests(server)[0]?.headers["authorization"], `Bearer ${plantedKey}`);
    assert.deepEqual(other.requests, []);
    assert.equal(other.connections().opened, 0);
  });

  test(`#36 ${kind}: a GET is not redirected to another host either`, async (context) => {
    const other = await createModelServer({ modelId });
    context.after(() => other.close());
    const { server, provider } = await createHarness(context, kind);
    const path = kind === "ollama" ? "/api/tags" : "/v1/models";
    for (const status of [301, 302, 303, 307, 308]) {
      server.script(path, redirectTo(status, other.url + path));
      await assert.rejects(provider.models(), (error) => {
        assertFault(error, "bad-response");
        return true;
      });
    }
    // The same host in other words: with another port it is another origin.
    server.script(path, redirectTo(307, `//127.0.0.1:${other.port}${path}`));
    await assert.rejects(provider.models());
    assert.equal(other.connections().opened, 0);
  });
}

test("#36 a redirect of a GET within the same origin is followed, and not without end", async (context) => {
  const { server, provider } = await createHarness(context, "openai-compatible");
  server.script("/v1/models", redirectTo(308, "/models"));
  assert.deepEqual(
    (await provider.models()).map(({ id }) => id),
    [modelId],
  );
  for (let count = 0; count < 50; count++) server.script("/v1/models", redirectTo(302, `${server.url}/v1/models`));
  const before = server.requests.length;
  await assert.rejects(provider.models(), (error) => {
    assertFault(error, "bad-response");
    return true;
  });
  assert.ok(server.requests.length - before <= 10, `${server.requests.length - before} requests`);
});

type Setting = { readonly scope?: string; readonly type?: string };
type Manifest = {
  readonly contributes: {
    readonly configuration: readonly { readonly properties: Readonly<Record<string, Setting>> }[];
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
};

test("#37 no folder can set where requests go, nor with which model", async () => {
  const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as Manifest;
  // What a folder may say: it sends nothing anywhere.
  const harmless = new Set([
    "hotpath.completion.enabled",
    "hotpath.completion.showDelayMs",
    "hotpath.predictor.enabled",
    "hotpath.predictor.confidence",
    "hotpath.nextEdit.enabled",
  ]);
  const settings = manifest.contributes.configuration.flatMap(({ properties }) => Object.entries(properties));
  const endpoints = settings.filter(([name]) => !harmless.has(name));
  assert.ok(endpoints.some(([name]) => name === "hotpath.completion.baseUrl"));
  for (const [name, { scope }] of endpoints) {
    assert.ok(scope === "machine" || scope === "application", `${name} has the scope ${scope}`);
  }
  const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  assert.deepEqual(restrictedConfigurations.toSorted(), endpoints.map(([name]) => name).toSorted());
});

test("#37 a key goes to the origin it was entered for and to no other", async (context) => {
  const stored = new Map<string, string>();
  const keys = createApiKeys(
    {
      get: (name) => Promise.resolve(stored.get(name)),
      store: async (name, value) => void stored.set(name, value),
      delete: async (name) => void stored.delete(name),
      keys: () => Promise.resolve([...stored.keys()]),
      onDidChange: () => ({ dispose() {} }),
    },
    () => {},
  );
  const [own, foreign] = [await createModelServer({ modelId }), await createModelServer({ modelId })];
  context.after(() => Promise.all([own.close(), foreign.close()]));
  const { servers } = createNetwork(context, { servers: { apiKeyFor: (origin) => keys.get(origin) } });
  /** As the program connects: the key is looked up by the origin of the address that the settings name. */
  const ask = async (baseUrl: string) => {
    const { settings } = parseSettings((name) =>
      name === "chat.provider" ? "openai-compatible" : name === "chat.baseUrl" ? baseUrl : undefined,
    );
    assert.equal(settings.chat?.baseUrl, baseUrl);
    const provider = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
    await provider.models();
    return collectParts(provider.streamChat(question));
  };
  await keys.set(new URL(own.url).origin, plantedKey);
  assert.equal((await ask(`${own.url}/v1`)).error, undefined);
  assert.ok(own.requests.length > 0);
  assert.ok(own.requests.every(({ headers }) => headers["authorization"] === `Bearer ${plantedKey}`));
  assert.equal((await ask(`${foreign.url}/v1`)).error, undefined);
  // The same host under another name is another origin, too.
  assert.equal((await ask(`http://localhost:${own.port}/v1`)).error, undefined);
  const others = [...foreign.requests, ...own.requests.filter(({ headers }) => headers["host"]?.includes("localhost"))];
  assert.ok(others.length > 2);
  assert.deepEqual(
    others.filter(({ headers }) => JSON.stringify(headers).includes(plantedKey)),
    [],
  );
});

test("#37 a key is not sent where it could be read on the way", async (context) => {
  const { servers } = createNetwork(context);
  const baseUrl = "http://models.example.com/v1";
  const provider = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
  const outcome = await collectParts(provider.streamChat(question));
  assertFault(outcome.error, "bad-request");
  assert.match(outcome.error.message, /https/);
});

const promptSecret = "PLANTED-PROMPT-7f3a";
const faults: readonly { readonly name: string; readonly reply: (kind: ProviderKind) => ScriptedReply }[] = [
  { name: "reset", reply: () => resetReply },
  { name: "page", reply: () => htmlReply },
  {
    name: "key repeated",
    reply: () =>
      jsonReply(401, {
        error: { message: `Incorrect API key provided: ${plantedKey}.`, type: "authentication_error" },
      }),
  },
  {
    name: "key repeated as text",
    reply: () => ({
      status: 400,
      headers: { "content-type": "text/plain" },
      body: [`Authorization: Bearer ${plantedKey}`],
    }),
  },
  { name: "rate limit", reply: () => jsonReply(429, { error: { message: "slow down" } }, { "retry-after": "3600" }) },
  { name: "server error", reply: () => jsonReply(500, { error: { message: "it broke" } }) },
  {
    name: "cut",
    reply: (kind) =>
      kind === "ollama" ? linesReply([ndjson(line("Hi"))], "cut") : streamReply([sse(chunk("Hi"))], "cut"),
  },
  {
    name: "no JSON",
    reply: (kind) => (kind === "ollama" ? linesReply(["{nonsense\n"]) : streamReply([sse("{nonsense")])),
  },
  {
    name: "key repeated in the stream",
    reply: (kind) => {
      const error = `Incorrect API key provided: ${plantedKey}`;
      return kind === "ollama"
        ? linesReply([ndjson(line("")), ndjson({ error })])
        : streamReply([sse(chunk("")), sse({ error: { message: error, code: 401 } })]);
    },
  },
  {
    name: "prompt and key repeated, no JSON",
    reply: (kind) => {
      const text = `{"content": "${promptSecret} ${plantedKey}`;
      return kind === "ollama" ? linesReply([`${text}\n`]) : streamReply([sse(text)]);
    },
  },
  { name: "redirect", reply: () => redirectTo(307, `http://127.0.0.1:1/?key=${plantedKey}`) },
];
for (const kind of providerKinds) {
  test(`#47 ${kind}: no log line, error, span or row of the ledger holds a key or a prompt`, async (context) => {
    const { clock, log, server, transport } = await createHarness(context, kind);
    const ledger = createLedger({ clock });
    const told: string[] = [];
    for (const { reply } of faults) {
      // A list of its own each time, so that no fault pauses the next.
      const servers = createServers({ transport, clock, log, apiKeyFor: () => Promise.resolve(plantedKey) });
      const provider = await servers.open({ provider: kind, baseUrl: baseUrlOf(kind, server), model: modelId });
      for (const isChat of [true, false]) {
        const path = isChat
          ? chatPathOf(kind)
          : kind === "ollama"
            ? "/api/generate"
            : kind === "llamacpp"
              ? "/completion"
              : "/v1/completions";
        server.script(path, ...Array.from({ length: 6 }, () => reply(kind)));
        const request = ledger.startRequest({
          feature: isChat ? "chat" : "completion",
          provider: kind,
          model: modelId,
        });
        const call = { span: request.span };
        const stream = isChat
          ? provider.streamChat({ messages: [{ role: "user", content: `Say ${promptSecret}` }] }, call)
          : provider.streamCompletion({ prefix: `const a = "${promptSecret}`, suffix: ";\n", maxTokens: 5 }, call);
        const { result } = await drive(clock, collectParts(stream), 9_000);
        const { error } = result;
        if (error !== undefined) told.push(everythingOf(error));
        request.end(error === undefined ? "ok" : "failed");
        server.unscript();
      }
    }
    assert.ok(told.length > 8, "most of these faults reach the caller");
    assert.ok(server.requests.some(({ body }) => body.includes(promptSecret)));
    assert.ok(server.requests.some(({ headers }) => headers["authorization"] === `Bearer ${plantedKey}`));
    const everything = [...told, ...log.lines, JSON.stringify(ledger.snapshot())];
    for (const secret of [plantedKey, promptSecret]) {
      const found = everything.find((text) => text.includes(secret));
      assert.equal(found, undefined, `${secret} is told`);
    }
  });
}

test("#47 a question's answer may hold what looks like the key; its errors do not repeat it", async (context) => {
  const { clock, server, provider } = await createHarness(context, "ollama");
  const refusal = jsonReply(200, { error: `Incorrect API key provided: ${plantedKey}` });
  server.script("/api/show", refusal, refusal, refusal);
  await assert.rejects(drive(clock, provider.capabilities(), 9_000), (error) => {
    assert.ok(!everythingOf(error).includes(plantedKey), everythingOf(error));
    assert.match(everythingOf(error), /Incorrect API key provided: \[key\]/);
    return true;
  });
  const list = { models: [{ name: `${plantedKey}:latest`, model: `${plantedKey}:latest` }] };
  server.script("/api/tags", jsonReply(200, list));
  assert.deepEqual(
    (await provider.models()).map(({ id }) => id),
    [`${plantedKey}:latest`],
  );
});

test("#47 the log takes out a key whatever it looks like, wherever it stands", () => {
  const kept = createKeptLog();
  const redactor = createRedactor();
  const key = "no-usual-form.at_all/42==";
  redactor.learn(key);
  const log = redactor.wrap(kept);
  for (const level of ["debug", "info", "warn", "error"] as const) {
    log[level](
      `GET http://user:pass-word@host/path?x=${key} with ${key}, ${plantedKey} and authorization: Basic ${btoa(key)}`,
    );
  }
  assert.equal(kept.lines.length, 4);
  for (const text of kept.lines) {
    for (const secret of [key, plantedKey, "pass-word", btoa(key)]) assert.ok(!text.includes(secret), text);
  }
});

test("#47 closing during ten streams closes every socket, and nothing is left behind", async (context) => {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  context.after(() => process.off("unhandledRejection", onRejection));
  const { clock, log, server, servers, transport, provider } = await createHarness(context, "openrouter");
  const baseUrl = baseUrlOf("openai-compatible", server);
  const other = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
  server.script(
    "/v1/chat",
    ...Array.from({ length: 6 }, () => streamReply([sse(chunk("Hello"))], "hang")),
    ...Array.from({ length: 4 }, () => hangReply),
  );
  const streams = [provider, other].flatMap((asked) =>
    Array.from({ length: 5 }, () => collectParts(asked.streamChat(question))),
  );
  await until(() => generatingRequests(server).length === 10);
  // One more connection, which lies idle.
  const idle = await transport.request({ method: "GET", url: `${server.url}/health` });
  await idle.text(100);
  await settle();
  assert.ok(transport.counters().openNow >= 11);
  await transport.close();
  assert.equal(transport.counters().openNow, 0);
  for (const { error } of await Promise.all(streams)) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, "AbortError");
  }
  await server.allClosed();
  await settle();
  assert.deepEqual(clock.pending(), []);
  assert.deepEqual(rejections, []);
  assert.ok(!log.lines.join("\n").includes(plantedKey));
  // What is asked for afterwards is refused, and opens nothing.
  const late = await collectParts(provider.streamChat(question));
  assert.ok(late.error instanceof Error);
  assert.equal(generatingRequests(server).length, 10);
});
