import assert from "node:assert/strict";
import { test } from "node:test";
import { pauseSentence } from "../../../src/host/pauseWatch.ts";
import { faultKind, faultSentence, pauseEnd, settingSentence } from "../../../src/host/sentences.ts";
import { ProviderError, type ProviderErrorKind } from "../../../src/provider/provider.ts";

const t = (message: string, ...values: (string | number)[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, n: string) => String(values[Number(n)]));

const kinds: (ProviderErrorKind | "unknown")[] = [
  "unreachable",
  "offline",
  "certificate",
  "proxy",
  "moderated",
  "paused",
  "unauthorized",
  "payment-required",
  "rate-limited",
  "model-not-found",
  "context-overflow",
  "bad-request",
  "bad-response",
  "server-error",
  "truncated",
  "timeout",
  "loading",
  "unsupported",
  "unknown",
];

test("every fault gets a plain text of at most two sentences that names the server", () => {
  for (const kind of kinds) {
    const sentence = faultSentence(kind, "127.0.0.1:8080", t);
    assert.match(sentence, /127\.0\.0\.1:8080/, kind);
    assert.match(sentence, /^[A-Z'].*\.$/, kind);
    assert.doesNotMatch(sentence, /!|Error|undefined|\n/, kind);
  }
});

test("every setting problem names the setting", () => {
  for (const problem of [
    { kind: "unknown-provider", setting: "hotpath.completion.provider", value: "gpt9" },
    { kind: "bad-url", setting: "hotpath.completion.baseUrl", value: "" },
    { kind: "unknown-value", setting: "hotpath.completion.strategy", value: "x", allowed: "'ordered'" },
    { kind: "out-of-range", setting: "hotpath.network.retryWaitSeconds", min: 0, max: 600 },
    { kind: "wrong-type", setting: "hotpath.predictor.enabled", expected: "true or false" },
    { kind: "wrong-type", setting: "hotpath.chat.model", expected: "text" },
    { kind: "wrong-type", setting: "hotpath.chat.fallbacks", expected: "a list" },
    { kind: "wrong-type", setting: "hotpath.chat.fallbacks[0]", expected: "an object" },
    { kind: "wrong-type", setting: "hotpath.network.retryWaitSeconds", expected: "a number" },
  ] as const) {
    assert.ok(settingSentence(problem, t).includes(problem.setting));
  }
});

test("a setting's value is no link in a notice: a folder may have written it", () => {
  const value = "[x](command:workbench.action.terminal.new)";
  const setting = "hotpath.predictor.confidence";
  for (const problem of [
    { kind: "unknown-value", setting, value, allowed: "'quiet'" },
    { kind: "unknown-provider", setting, value },
  ] as const) {
    assert.doesNotMatch(settingSentence(problem, t), /\[[^\]]*\]\(/);
  }
});

test("a cancellation is no fault", () => {
  assert.equal(faultKind(new DOMException("x", "AbortError")), undefined);
  assert.equal(faultKind(new ProviderError("timeout", "x")), "timeout");
  assert.equal(faultKind(new TypeError("x")), "unknown");
});

const clockTime = (dateMs: number) => new Date(dateMs).toISOString().slice(11, 16);

test("a long pause says until when, a short one does not", () => {
  const nowMs = Date.UTC(2026, 0, 1, 14, 40);
  const ofHour = new ProviderError("rate-limited", "x", { retryAfterMs: 3_600_000 });
  const until = pauseEnd(ofHour, nowMs, clockTime);
  assert.equal(until, "15:40");
  assert.equal(
    faultSentence("rate-limited", "host", t, until),
    "The model server at host asks for a pause until 15:40.",
  );
  assert.match(faultSentence("paused", "host", t, until), /alone until 15:40\.$/);
  assert.equal(pauseEnd(new ProviderError("rate-limited", "x", { retryAfterMs: 59_999 }), nowMs, clockTime), undefined);
  assert.equal(pauseEnd(new ProviderError("rate-limited", "x"), nowMs, clockTime), undefined);
  assert.equal(pauseEnd(new Error("x"), nowMs, clockTime), undefined);
});

test("a wait that is under way is counted in whole seconds, never 0", () => {
  assert.equal(pauseSentence({ host: "h", pausedMs: 1 }, t), "h asks for a pause. Hotpath tries again in 1 s.");
});

test("a certificate that is not trusted names the setting to look at", () => {
  assert.match(faultSentence("certificate", "host", t), /http\.systemCertificates/);
  assert.match(faultSentence("proxy", "host", t), /http\.proxy/);
});
