import assert from "node:assert/strict";
import { test } from "node:test";
import { errorFromAnswer, errorInEvent, errorInPayload, fromTransport } from "../../../src/provider/errors.ts";
import { readOverflow } from "../../../src/provider/overflow.ts";
import { ProviderError, type ProviderErrorKind } from "../../../src/provider/provider.ts";
import { TransportError } from "../../../src/transport/errors.ts";
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

test("a refused text, an unknown name, a certificate and a proxy are told from the rest", () => {
  assert.equal(kindFor(400, faultBody("The response was filtered", { code: "content_filter" })), "moderated");
  assert.equal(kindFor(400, faultBody("No", { type: "moderation_blocked" })), "moderated");
  assert.equal(kindFor(403, faultBody("Key has no access")), "unauthorized");
  assert.equal(kindFor(403, faultBody("Your plan does not support tools")), "unauthorized");
  assert.equal(kindFor(429, faultBody("Your plan does not support images so often")), "rate-limited");
  assert.equal(kindFor(400, faultBody("This model does not support images")), "unsupported");
  assert.equal(kindFor(407, ""), "proxy");
  assert.equal(kindFor(511, "<html>Sign in</html>", { "content-type": "text/html" }), "proxy");
  assert.equal(kindFor(403, "<html>Blocked</html>", { "content-type": "text/html" }), "bad-response");
  for (const [kind, expected] of [
    ["dns", "offline"],
    ["certificate", "certificate"],
    ["proxy", "proxy"],
    ["proxy-auth", "proxy"],
    ["tls", "unreachable"],
    ["refused", "unreachable"],
    ["redirect", "bad-response"],
  ] as const) {
    const error = fromTransport(new TransportError(kind, "x"));
    assert.ok(error instanceof ProviderError);
    assert.equal(error.kind, expected);
  }
});

test("a prompt that is too long tells both sizes, in every server's words", async () => {
  const { body } = await readRecording("28-err-ctx-overflow");
  const cases: readonly (readonly [string, number | undefined, number | undefined])[] = [
    [body.toString("utf8"), 2048, 7200],
    // OpenAI
    ["This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens.", 4097, 5000],
    // vLLM, older and newer
    [
      "This model's maximum context length is 4,096 tokens. However, you requested 4,500 tokens (4,000 in the messages, 500 in the completion).",
      4096,
      4000,
    ],
    [
      "You passed 5000 input tokens and requested 100 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 3996 tokens.",
      4096,
      5000,
    ],
    ["The decoder prompt (length 5000) is longer than the maximum model length of 4096.", 4096, 5000],
    // LM Studio
    [
      "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
      4096,
      5000,
    ],
    [
      "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000>= n_ctx: 4096)",
      4096,
      5000,
    ],
    // Anthropic, Google, Mistral
    ["prompt is too long: 205000 tokens > 200000 maximum", 200_000, 205_000],
    ["The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 1_048_576, 1_200_000],
    [
      "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
      32_768,
      40_000,
    ],
    // Ollama
    ["the input length exceeds the context length", undefined, undefined],
  ];
  for (const [said, contextTokens, promptTokens] of cases) {
    const text = said.startsWith("{") ? said : JSON.stringify(faultBody(said));
    const error = errorFromAnswer({ status: 400, headers: {}, text }, nowDateMs);
    assert.equal(error.kind, "context-overflow", error.message);
    assert.equal(error.contextTokens, contextTokens, error.message);
    assert.equal(error.promptTokens, promptTokens, error.message);
    const inStream = errorInPayload(JSON.parse(text));
    assert.equal(inStream?.kind, "context-overflow", error.message);
    assert.equal(inStream.contextTokens, contextTokens);
  }
  const other = errorFromAnswer({ status: 400, headers: {}, text: JSON.stringify(faultBody("n_ctx 5")) }, nowDateMs);
  assert.equal(other.contextTokens, undefined);
});

test("a limit's reset counts as a wait only when it was reached", () => {
  const waitFor = (status: number, headers: Readonly<Record<string, string>>): number | undefined =>
    errorFromAnswer({ status, headers, text: "" }, nowDateMs).retryAfterMs;
  const inMs = String(nowDateMs + 5_000);
  assert.equal(waitFor(429, { "x-ratelimit-reset": inMs }), 5_000);
  assert.equal(waitFor(429, { "x-ratelimit-reset": String(nowDateMs / 1000 + 5) }), 5_000);
  assert.equal(waitFor(429, { "x-ratelimit-reset": "7" }), 7_000);
  assert.equal(waitFor(429, { "x-ratelimit-reset": String(nowDateMs - 5_000) }), 0);
  assert.equal(waitFor(503, { "x-ratelimit-reset": inMs }), undefined);
  assert.equal(waitFor(503, { "retry-after": "1.5" }), 1_500);
  assert.equal(waitFor(503, { "retry-after": "999999999999999" }), 86_400_000, "nobody would ever ask again");
  assert.equal(waitFor(429, { "retry-after-ms": "250", "retry-after": "1" }), 250);
  for (const garbage of ["", "soon", "soon 5", "-5", "1e3", "NaN", "Infinity", "9".repeat(30), "2 s", "0x10", "5,6"]) {
    assert.equal(waitFor(429, { "retry-after": garbage }), undefined, garbage);
    assert.equal(waitFor(429, { "retry-after": garbage, "x-ratelimit-reset": garbage }), undefined, garbage);
  }
});

test("an answer that is an error inside has the status of its inner code", () => {
  const body = { choices: [{ message: { content: null } }], error: { message: "Slow", code: 429 } };
  const headers = { "content-type": "application/json", "retry-after": "2" };
  const error = errorFromAnswer({ status: 200, headers, text: JSON.stringify(body) }, nowDateMs);
  assert.equal(error.kind, "rate-limited");
  assert.equal(error.status, 429);
  assert.equal(error.retryAfterMs, 2_000);
  // Inside of a stream the server had accepted the request.
  assert.equal(errorInEvent(body)?.status, undefined);
});

test("an error is found in every place of an event", () => {
  const places: readonly (readonly [unknown, string | undefined])[] = [
    [{ error: { code: "500", message: "x" } }, undefined],
    [{ object: "error", message: "x", type: "Internal", code: 500 }, undefined],
    [{ code: 500, message: "x" }, "error"],
    ["gone", "error"],
    [{ type: "error", error: { type: "overloaded_error", message: "x" } }, "error"],
    [{ choices: [{ delta: { content: "" }, finish_reason: "error", error: { code: 502, message: "x" } }] }, undefined],
    [{ choices: [{ delta: {}, finish_reason: "error" }] }, undefined],
  ];
  for (const [payload, event] of places) {
    assert.equal(errorInEvent(payload, event)?.kind, "server-error", JSON.stringify(payload));
  }
  assert.equal(errorInEvent({ choices: [{ delta: { content: "x" }, finish_reason: null, error: null }] }), undefined);
  assert.equal(errorInEvent({ code: 500, message: "x" }), undefined);
});

test("a fault's words count only as far as a person would read: some expressions take the square of a text's length", () => {
  const long = "model ".repeat(1000);
  assert.equal(kindFor(404, faultBody(`${long} not found`)), "unsupported");
  assert.equal(kindFor(404, { error: `${long} not found` }), "unsupported");
  assert.deepEqual(readOverflow({}, `${" ".repeat(5000)} context length is 8192 tokens`), {});
});
