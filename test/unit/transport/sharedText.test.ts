import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonReply, type ModelServer } from "../../fake/modelServer.ts";
import { createHarness, rejectsWith, rejectsWithAbort } from "./harness.ts";

const held = (server: ModelServer, text = "list") => {
  const release = Promise.withResolvers<void>();
  server.script("/v1/models", { body: [() => release.promise, text] });
  return release;
};

test("identical questions at the same time reach the server once", async (context) => {
  const { client, server, clock } = await createHarness(context);
  const release = held(server);
  const url = `${server.url}/v1/models`;
  const answers = Array.from({ length: 10 }, () => client.getText({ url }, 1000));
  await server.nextRequest();
  release.resolve();
  const [first, ...others] = await Promise.all(answers);
  assert.equal(first?.status, 200);
  assert.equal(first.text, "list");
  for (const other of others) assert.deepEqual(other, first);
  assert.equal(server.requests.length, 1);
  assert.deepEqual(clock.pending(), []);
});

test("a question that comes later is asked anew", async (context) => {
  const { client, server } = await createHarness(context);
  const url = `${server.url}/health`;
  await client.getText({ url }, 1000);
  await client.getText({ url }, 1000);
  assert.equal(server.requests.length, 2);
});

test("another key, another address and another limit never share", async (context) => {
  const { client, server } = await createHarness(context);
  const url = `${server.url}/health`;
  const headers = { authorization: "Bearer a" };
  await Promise.all([
    client.getText({ url, headers }, 1000),
    client.getText({ url, headers: { authorization: "Bearer b" } }, 1000),
    client.getText({ url }, 1000),
    client.getText({ url: `${url}?x`, headers }, 1000),
    client.getText({ url, headers }, 2000),
  ]);
  assert.deepEqual(
    server.requests.map(({ path, headers: sent }) => `${path} ${String(sent["authorization"])}`).toSorted(),
    ["/health Bearer a", "/health Bearer a", "/health Bearer b", "/health undefined", "/health?x Bearer a"],
  );
});

test("who leaves goes alone; the others get their answer", async (context) => {
  const { client, server } = await createHarness(context);
  const release = held(server);
  const url = `${server.url}/v1/models`;
  const controller = new AbortController();
  const first = client.getText({ url, signal: controller.signal }, 1000);
  const second = client.getText({ url, signal: new AbortController().signal }, 1000);
  await server.nextRequest();
  controller.abort();
  await rejectsWithAbort(first);
  release.resolve();
  assert.equal((await second).text, "list");
  assert.equal(server.requests.length, 1);
});

test("when all have left, the request ends, and the next one asks anew", async (context) => {
  const { client, server, clock } = await createHarness(context);
  held(server);
  const url = `${server.url}/v1/models`;
  const controllers = [new AbortController(), new AbortController()];
  const answers = controllers.map(({ signal }) => client.getText({ url, signal }, 1000));
  const request = await server.nextRequest();
  server.script("/v1/models", jsonReply(200, []));
  for (const controller of controllers) controller.abort();
  const next = client.getText({ url }, 1000);
  for (const answer of answers) await rejectsWithAbort(answer);
  assert.equal((await next).text, "[]");
  await request.closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("a signal that has fired already asks nobody", async (context) => {
  const { client, server } = await createHarness(context);
  await rejectsWithAbort(client.getText({ url: server.url, signal: AbortSignal.abort() }, 1000));
  assert.equal(server.requests.length, 0);
});

test("a fault reaches everybody who asked", async (context) => {
  const { client, server } = await createHarness(context);
  server.script("/v1/models", { body: ["x".repeat(2000)] });
  const url = `${server.url}/v1/models`;
  await Promise.all([1, 2, 3].map(() => rejectsWith(client.getText({ url }, 1000), "too-large")));
  assert.equal(server.requests.length, 1);
});

test("a long list may come compressed", async (context) => {
  const { client, server } = await createHarness(context);
  await client.getText({ url: `${server.url}/health` }, 1000);
  assert.match(String(server.requests[0]?.headers["accept-encoding"]), /gzip/);
});
