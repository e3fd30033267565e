import assert from "node:assert/strict";
import { test } from "node:test";
import { errorFromAnswer, errorInPayload } from "../../../src/provider/errors.ts";
import type { ProviderErrorKind } from "../../../src/provider/provider.ts";
import { readRecording } from "../../fake/recordings.ts";

const nowDateMs = Date.UTC(2026, 10, 20, 12, 0, 0);

const kindFor = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): ProviderErrorKind =>
  errorFromAnswer({ status, headers, text: typeof body === "string" ? body : JSON.stringify(body) }, nowDateMs).kind;

test("recorded errors of llama.cpp get their kinds", async () => {
  const expected: readonly (readonly [string, ProviderErrorKind])[] = [
    ["28-err-ctx-overflow", "context-overflow"],
    ["29-err-ctx-overflow-chat-stream", "context-overflow"],
    ["31-err-404", "unsupported"],
    ["32-err-badtype", "bad-request"],
    ["52-loading-completion", "loading"],
    ["54-auth-wrong", "unauthorized"],
    ["85-router-props-model-noautoload", "model-not-found"],
    ["97-router-broken", "server-error"],
    ["98-router-unknown", "model-not-found"],
  ];
  for (const [name, kind] of expected) {
    const { status, headers, body } = await readRecording(name);
    const error = errorFromAnswer({ status, headers, text: body.toString("utf8") }, nowDateMs);
    assert.equal(error.kind, kind, name);
    assert.equal(error.status, status);
  }
});

const faultBody = (message: string, more: object = {}) => ({ error: { message, ...more } });

test("errors of other servers get their kinds, whatever shape they have", () => {
  // vLLM
  assert.equal(
    kindFor(404, { object: "error", message: "The model `x` does not exist.", code: 404 }),
    "model-not-found",
  );
  assert.equal(
    kindFor(400, { object: "error", message: "This model's maximum context length is 4096 tokens.", code: 400 }),
    "context-overflow",
  );
  assert.equal(kindFor(400, faultBody("suffix is not currently supported", { code: 400 })), "bad-request");
  assert.equal(kindFor(404, { detail: "Not Found" }), "unsupported");
  // Ollama
  assert.equal(
    kindFor(404, faultBody('model "x" not found, try pulling it first', { type: "api_error" })),
    "model-not-found",
  );
  assert.equal(
    kindFor(503, { error: "server busy, please try again.  maximum pending requests exceeded" }),
    "server-error",
  );
  // LM Studio
  assert.equal(kindFor(200, { error: "Unexpected endpoint or method. (POST /v1/nope)" }), "unsupported");
  // OpenAI and hosted ones
  assert.equal(kindFor(404, faultBody("No such thing", { code: "model_not_found" })), "model-not-found");
  assert.equal(kindFor(400, faultBody("Too long", { code: "context_length_exceeded" })), "context-overflow");
  assert.equal(kindFor(401, faultBody("Wrong key")), "unauthorized");
  assert.equal(kindFor(402, faultBody("Out of credits")), "payment-required");
  assert.equal(kindFor(429, faultBody("Slow down")), "rate-limited");
  assert.equal(kindFor(413, "too large"), "context-overflow");
  assert.equal(kindFor(408, ""), "timeout");
  assert.equal(kindFor(529, faultBody("Overloaded")), "server-error");
});

test("a page for people is a bad response with a short excerpt", () => {
  const html = `<!DOCTYPE html><html>\n${"<p>Sign in</p>\n".repeat(200)}</html>`;
  for (const status of [200, 400, 404]) {
    const error = errorFromAnswer({ status, headers: { "content-type": "text/html" }, text: html }, nowDateMs);
    assert.equal(error.kind, "bad-response");
    assert.ok(error.message.length <= 260, `${error.message.length} characters`);
    assert.doesNotMatch(error.message, /\n/);
  }
  assert.equal(kindFor(502, html, { "content-type": "text/html" }), "server-error");
  assert.equal(kindFor(401, html, { "content-type": "text/html" }), "unauthorized");
});

test("a long reason is cut to 200 characters", () => {
  const error = errorFromAnswer(
    { status: 500, headers: {}, text: JSON.stringify({ error: { message: "x".repeat(5000) } }) },
    nowDateMs,
  );
  assert.match(error.message, /: x{199}…$/);
});

const retryAfter = (value: string): number | undefined =>
  errorFromAnswer({ status: 429, headers: { "retry-after": value }, text: "" }, nowDateMs).retryAfterMs;

test("a server's wish to be left alone is read as seconds or as a date, and garbage is ignored", () => {
  assert.equal(retryAfter("2"), 2_000);
  assert.equal(retryAfter("3600"), 3_600_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 12:00:30 GMT"), 30_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 11:00:00 GMT"), 0);
  assert.equal(retryAfter("soon"), undefined);
});

const kindIn = (value: unknown): ProviderErrorKind | undefined => errorInPayload(value)?.kind;

test("an error inside a stream is known by its numeric or string code", () => {
  assert.equal(kindIn({ error: { code: 429, message: "Rate limited upstream" } }), "rate-limited");
  assert.equal(kindIn({ error: { code: "rate_limit_exceeded", message: "x" } }), "rate-limited");
  assert.equal(kindIn({ error: { code: "server_error", message: "x" } }), "server-error");
  assert.equal(kindIn({ error: { code: 502, message: "x" }, choices: [{ finish_reason: "error" }] }), "server-error");
  assert.equal(kindIn({ object: "error", message: "x", code: 400 }), "bad-request");
  assert.equal(kindIn({ error: "out of memory" }), "server-error");
  assert.equal(kindIn({ error: { code: 400, type: "exceed_context_size_error" } }), "context-overflow");
});

test("what is no error is none", () => {
  for (const value of [null, 1, "x", [], {}, { error: null }, { error: "" }, { choices: [] }, { object: "list" }]) {
    assert.equal(errorInPayload(value), undefined);
  }
});
