import assert from "node:assert/strict";
import { test } from "node:test";
import { faultKind, faultSentence, settingSentence } from "../../../src/host/sentences.ts";
import { ProviderError, type ProviderErrorKind } from "../../../src/provider/provider.ts";

const t = (message: string, ...values: string[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, n: string) => values[Number(n)]!);

const kinds: (ProviderErrorKind | "unknown")[] = [
  "unreachable",
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
    { kind: "wrong-type", setting: "hotpath.predictor.enabled", expected: "true or false" },
  ] as const) {
    assert.ok(settingSentence(problem, t).includes(problem.setting));
  }
});

test("a cancellation is no fault", () => {
  assert.equal(faultKind(new DOMException("x", "AbortError")), undefined);
  assert.equal(faultKind(new ProviderError("timeout", "x")), "timeout");
  assert.equal(faultKind(new TypeError("x")), "unknown");
});
