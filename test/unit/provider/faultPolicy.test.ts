import assert from "node:assert/strict";
import { test } from "node:test";
import { faultPolicy, type FaultPolicy } from "../../../src/provider/faultPolicy.ts";
import { ProviderError, type ProviderErrorKind } from "../../../src/provider/provider.ts";
import { TransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";

const policyOf = (
  kind: ProviderErrorKind,
  {
    status,
    transport,
    wasResent = false,
  }: { status?: number; transport?: TransportErrorKind; wasResent?: boolean } = {},
): FaultPolicy =>
  faultPolicy(
    new ProviderError(kind, "test", {
      ...(status === undefined ? {} : { status }),
      ...(transport ? { cause: new TransportError(transport, "test", { wasResent }) } : {}),
    }),
  );

/** As one line, so that a row of the table below reads as one. */
const line = ({ retry, maxAttempts, breaker, mayBeBilled, fallback }: FaultPolicy): string =>
  [retry, maxAttempts, breaker, mayBeBilled ? "billed" : "free", fallback ? "fallback" : "stay"].join(" ");

const rows: readonly (readonly [string, FaultPolicy, string])[] = [
  ["refused", policyOf("unreachable", { transport: "refused" }), "once 2 failure free fallback"],
  ["reset before the head", policyOf("unreachable", { transport: "reset" }), "once 2 failure free fallback"],
  ["closed before the head", policyOf("unreachable", { transport: "closed" }), "once 2 failure free fallback"],
  [
    "reset, and sent again already",
    policyOf("unreachable", { transport: "reset", wasResent: true }),
    "no 1 failure free fallback",
  ],
  ["no connection in time", policyOf("unreachable", { transport: "connect-timeout" }), "no 1 failure free fallback"],
  ["no way to the host", policyOf("unreachable", { transport: "unreachable" }), "no 1 failure free fallback"],
  ["TLS that fails", policyOf("unreachable", { transport: "tls" }), "no 1 neutral free fallback"],
  ["no name", policyOf("offline", { transport: "dns" }), "no 1 neutral free fallback"],
  ["a certificate", policyOf("certificate", { transport: "certificate" }), "no 1 neutral free fallback"],
  ["a proxy", policyOf("proxy", { transport: "proxy-auth" }), "no 1 neutral free fallback"],
  ["broken after the head", policyOf("truncated", { transport: "reset" }), "once 2 failure billed fallback"],
  ["a page for people", policyOf("bad-response", { status: 200 }), "no 1 failure free fallback"],
  ["a page for people that says 404", policyOf("bad-response", { status: 404 }), "no 1 neutral free fallback"],
  ["a redirect", policyOf("bad-response", { transport: "redirect" }), "no 1 neutral free fallback"],
  ["an event that is not JSON", policyOf("bad-response"), "no 1 failure billed fallback"],
  ["401", policyOf("unauthorized", { status: 401 }), "no 1 neutral free fallback"],
  ["402", policyOf("payment-required", { status: 402 }), "no 1 neutral free fallback"],
  ["moderation", policyOf("moderated", { status: 403 }), "no 1 neutral free stay"],
  ["400", policyOf("bad-request", { status: 400 }), "no 1 neutral free stay"],
  ["408", policyOf("timeout", { status: 408 }), "backoff 3 failure free fallback"],
  ["500", policyOf("server-error", { status: 500 }), "backoff 2 failure free fallback"],
  ["502", policyOf("server-error", { status: 502 }), "backoff 3 failure free fallback"],
  ["503", policyOf("server-error", { status: 503 }), "backoff 3 failure free fallback"],
  ["504", policyOf("server-error", { status: 504 }), "backoff 3 failure free fallback"],
  ["524", policyOf("server-error", { status: 524 }), "backoff 3 failure free fallback"],
  ["529", policyOf("server-error", { status: 529 }), "backoff 3 failure free fallback"],
  ["an error in the stream", policyOf("server-error"), "once 2 failure billed fallback"],
  ["an error in a JSON answer", policyOf("server-error", { status: 200 }), "once 2 failure billed fallback"],
  ["silence", policyOf("timeout", { transport: "first-byte-timeout" }), "no 1 failure billed fallback"],
  ["silence amid the answer", policyOf("timeout", { transport: "idle-timeout" }), "no 1 failure billed fallback"],
  ["a time-out behind the router", policyOf("timeout"), "once 2 failure billed fallback"],
  ["429", policyOf("rate-limited", { status: 429 }), "afterPause 3 neutral free fallback"],
  ["429 in a JSON answer", policyOf("rate-limited", { status: 200 }), "afterPause 3 neutral free fallback"],
  ["too long", policyOf("context-overflow", { status: 400 }), "no 1 neutral free fallback"],
  ["loading", policyOf("loading", { status: 503 }), "no 1 neutral free fallback"],
  ["paused", policyOf("paused"), "no 1 neutral free fallback"],
  ["no such model", policyOf("model-not-found", { status: 404 }), "no 1 neutral free fallback"],
  ["unsupported", policyOf("unsupported", { status: 501 }), "no 1 neutral free fallback"],
];

for (const [name, policy, expected] of rows) {
  test(`${name}: ${expected}`, () => assert.equal(line(policy), expected));
}

test("a stream that HTTP/2 ends with an error may be charged, and is not sent again", () => {
  const cause = Object.assign(new Error("test"), { code: "ERR_HTTP2_STREAM_ERROR" });
  const error = new ProviderError("unreachable", "test", { cause: new TransportError("reset", "test", { cause }) });
  assert.equal(line(faultPolicy(error)), "no 1 failure billed fallback");
});

test("only refusals for lack of room and slowness make the limit smaller", () => {
  assert.equal(policyOf("rate-limited", { status: 429 }).limiter, "overloaded");
  assert.equal(policyOf("server-error", { status: 503 }).limiter, "overloaded");
  assert.equal(policyOf("server-error", { status: 529 }).limiter, "overloaded");
  assert.equal(policyOf("timeout", { transport: "first-byte-timeout" }).limiter, "overloaded");
  assert.equal(policyOf("server-error", { status: 502 }).limiter, "neutral");
  assert.equal(policyOf("unreachable", { transport: "reset" }).limiter, "neutral");
});

test("what belongs to the key is not tried with the same key elsewhere", () => {
  assert.equal(policyOf("unauthorized", { status: 401 }).isOfKey, true);
  assert.equal(policyOf("payment-required", { status: 402 }).isOfKey, true);
  assert.equal(policyOf("rate-limited", { status: 429 }).isOfKey, false);
});
