import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { SignInError, signInByLoopback, startPastedSignIn } from "../../../src/provider/openRouterSignIn.ts";
import type { SignInErrorKind } from "../../../src/provider/openRouterSignIn.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, jsonReply } from "../../fake/modelServer.ts";

const createHarness = async (context: TestContext) => {
  const clock = createFakeClock();
  const server = await createModelServer();
  const transport = createTransportClient({ clock, log: silentLog });
  context.after(async () => {
    await transport.close();
    await server.close();
  });
  const opened = Promise.withResolvers<URL>();
  const open = (url: string) => {
    opened.resolve(new URL(url));
    return Promise.resolve(true);
  };
  return { clock, server, opened: opened.promise, options: { transport, clock, origin: server.url, open } };
};

/** What a browser gets. */
const visit = (url: string | URL, method = "GET"): Promise<{ status: number; text: string; type: string }> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text, type: response.headers["content-type"] ?? "" });
      });
    });
    request.on("error", reject);
    request.end();
  });

const callbackOf = (url: URL, query: string): URL => new URL(`${url.searchParams.get("callback_url")}?${query}`);

/** Resolves when nobody listens there. */
const isClosed = (url: URL): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(url.port), url.hostname);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });

const rejectsWith = async (promise: Promise<unknown>, kind: SignInErrorKind): Promise<void> => {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof SignInError, String(error));
    assert.equal(error.kind, kind);
    return true;
  });
};

test("the browser comes back, the code is traded for a key, and the listener is gone", async (context) => {
  const { server, opened, options } = await createHarness(context);
  server.script("/api/v1/auth/keys", jsonReply(200, { key: "sk-or-v1-new", user_id: "u" }));
  const signIn = signInByLoopback(options);
  const url = await opened;
  assert.equal(url.origin + url.pathname, `${server.url}/auth`);
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  const callback = callbackOf(url, "code=the-code");
  assert.equal(callback.hostname, "127.0.0.1");
  assert.ok(callback.pathname.length > 30, "the path can be guessed");
  const page = await visit(callback);
  assert.equal(page.status, 200);
  assert.match(page.type, /text\/plain/);
  assert.match(page.text, /You can close this page/);
  assert.equal(await signIn, "sk-or-v1-new");
  const sent = JSON.parse((await server.nextRequest("/api/v1/auth/keys")).body) as Record<string, string>;
  assert.equal(sent["code"], "the-code");
  assert.equal(sent["code_challenge_method"], "S256");
  const challenge = createHash("sha256").update(sent["code_verifier"]!).digest("base64url");
  assert.equal(challenge, url.searchParams.get("code_challenge"));
  assert.ok(!url.href.includes(sent["code_verifier"]!), "the verifier went through the browser");
  assert.ok(await isClosed(callback));
});

test("another path, another method and the browser's wish for an icon end nothing", async (context) => {
  const { server, opened, options } = await createHarness(context);
  server.script("/api/v1/auth/keys", jsonReply(200, { key: "sk-or-v1-new" }));
  const signIn = signInByLoopback(options);
  const callback = callbackOf(await opened, "code=right");
  assert.equal((await visit(new URL("/?code=forged", callback))).status, 404);
  assert.equal((await visit(new URL("/favicon.ico", callback))).status, 404);
  assert.equal((await visit(callback, "POST")).status, 404);
  await visit(callback);
  await signIn;
  const sent = JSON.parse((await server.nextRequest("/api/v1/auth/keys")).body) as Record<string, string>;
  assert.equal(sent["code"], "right");
});

test("coming back without a code is a no", async (context) => {
  const { opened, options } = await createHarness(context);
  const signIn = signInByLoopback(options);
  const denied = rejectsWith(signIn, "denied");
  const callback = callbackOf(await opened, "error=access_denied");
  assert.match((await visit(callback)).text, /not signed in/);
  await denied;
  assert.ok(await isClosed(callback));
});

test("nobody comes back: after five minutes the listener is closed", async (context) => {
  const { clock, opened, options } = await createHarness(context);
  const ended = rejectsWith(signInByLoopback(options), "timeout");
  const callback = callbackOf(await opened, "");
  assert.equal(await isClosed(callback), false);
  clock.advance(299_999);
  assert.equal(await isClosed(callback), false);
  clock.advance(1);
  await ended;
  assert.ok(await isClosed(callback));
  assert.deepEqual(clock.pending(), []);
});

test("cancelling closes the listener at once, also one that a program keeps a connection to", async (context) => {
  const { clock, opened, options } = await createHarness(context);
  const controller = new AbortController();
  const signIn = signInByLoopback({ ...options, signal: controller.signal });
  const callback = callbackOf(await opened, "");
  const lingering = connect(Number(callback.port), "127.0.0.1");
  await new Promise((resolve) => lingering.once("connect", resolve));
  const gone = new Promise((resolve) => lingering.once("close", resolve));
  lingering.on("error", () => {});
  controller.abort();
  await assert.rejects(signIn, { name: "AbortError" });
  await gone;
  assert.ok(await isClosed(callback));
  assert.deepEqual(clock.pending(), []);
});

test("a browser that was not opened ends it", async (context) => {
  const { options } = await createHarness(context);
  await rejectsWith(signInByLoopback({ ...options, open: () => Promise.resolve(false) }), "denied");
});

test("the code can be pasted instead, and no address to come back to is named", async (context) => {
  const { server, options } = await createHarness(context);
  server.script("/api/v1/auth/keys", jsonReply(200, { key: "sk-or-v1-pasted" }));
  const signIn = startPastedSignIn(options);
  assert.equal(new URL(signIn.url).searchParams.get("callback_url"), null);
  assert.equal(await signIn.finish("  the-code \n"), "sk-or-v1-pasted");
  const sent = JSON.parse((await server.nextRequest("/api/v1/auth/keys")).body) as Record<string, string>;
  assert.equal(sent["code"], "the-code");
});

test("trading a pasted code can be cancelled", async (context) => {
  const { server, options } = await createHarness(context);
  server.script("/api/v1/auth/keys", { hasHead: false, finish: "hang" });
  const controller = new AbortController();
  const finishing = startPastedSignIn(options).finish("the-code", controller.signal);
  const request = await server.nextRequest("/api/v1/auth/keys");
  controller.abort();
  await assert.rejects(finishing, { name: "AbortError" });
  await request.closedByClient;
});

test("a refused code, a strange answer and a dead server are told apart", async (context) => {
  const { server, options } = await createHarness(context);
  const signIn = startPastedSignIn(options);
  await rejectsWith(signIn.finish("   "), "code-refused");
  server.script("/api/v1/auth/keys", jsonReply(403, { error: "expired" }), jsonReply(500, {}), jsonReply(200, {}), {
    status: 307,
    headers: { location: "http://127.0.0.1:9/" },
  });
  await rejectsWith(signIn.finish("x"), "code-refused");
  await rejectsWith(signIn.finish("x"), "failed");
  await rejectsWith(signIn.finish("x"), "failed");
  await rejectsWith(signIn.finish("x"), "failed");
  await rejectsWith(startPastedSignIn({ ...options, origin: "http://127.0.0.1:9" }).finish("x"), "unreachable");
});
