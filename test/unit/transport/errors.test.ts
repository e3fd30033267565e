import assert from "node:assert/strict";
import { test } from "node:test";
import { toTransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";

const failure = (code: string): Error => Object.assign(new Error("said something secret"), { code });

test("what a socket, TLS or undici reports has a kind, and its words stay out of the message", () => {
  const rows: [string, TransportErrorKind][] = [
    ["ECONNREFUSED", "refused"],
    ["ENOTFOUND", "dns"],
    ["EHOSTUNREACH", "unreachable"],
    ["ECONNRESET", "reset"],
    ["UND_ERR_SOCKET", "closed"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "certificate"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate"],
    ["CERT_HAS_EXPIRED", "certificate"],
    ["HOSTNAME_MISMATCH", "certificate"],
    ["INVALID_CA", "certificate"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate"],
    ["ERR_TLS_HANDSHAKE_TIMEOUT", "tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
    // The server wants one of us.
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "tls"],
    ["EPROTO", "tls"],
    ["HPE_INVALID_CONSTANT", "protocol"],
    ["", "protocol"],
  ];
  for (const [code, kind] of rows) {
    const error = toTransportError(failure(code), "https://host.test");
    assert.equal(error.kind, kind, code);
    assert.ok(error.message.includes("https://host.test"));
    assert.ok(!error.message.includes("secret"));
  }
});

test("a certificate's fault names the settings that help", () => {
  const { message } = toTransportError(failure("CERT_HAS_EXPIRED"), "https://host.test");
  assert.match(message, /CERT_HAS_EXPIRED.*http\.systemCertificates.*http\.proxyStrictSSL/);
});

test("the code of a cause counts", () => {
  assert.equal(toTransportError(new Error("outer", { cause: failure("ENOTFOUND") }), "https://host.test").kind, "dns");
  assert.equal(toTransportError("text", "https://host.test").kind, "protocol");
});
