import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "../../../src/base/redact.ts";

test("what looks like a secret does not reach the log", () => {
  const redactor = createRedactor();
  for (const [line, planted] of [
    ["Authorization: Bearer abc.def-123", "abc.def-123"],
    ['{"authorization":"Token plain-words here"}', "plain-words here"],
    ["proxy-authorization: Basic bWU6Z2VoZWlt", "bWU6Z2VoZWlt"],
    ["key sk-or-v1-0123456789abcdef failed", "0123456789abcdef"],
    ['{"api_key": "hunter2hunter2"}', "hunter2hunter2"],
    ["proxy http://me:geheim@host:3128", "geheim"],
    ["proxy socks5://geheim@host:1080", "geheim"],
    ["GET http://host/path?token=topsecret&a=1", "topsecret"],
    ["GET https://openrouter.ai/auth?code_challenge=abc123", "abc123"],
    ["code_verifier=abcdefgh", "abcdefgh"],
  ] as const) {
    assert.ok(!redactor.redact(line).includes(planted), redactor.redact(line));
  }
  assert.equal(redactor.redact("llamacpp answered in 12 ms"), "llamacpp answered in 12 ms");
  assert.equal(
    redactor.redact("http://127.0.0.1:8080: timeout (HTTP 503)"),
    "http://127.0.0.1:8080: timeout (HTTP 503)",
  );
});

test("a key that was used in this session is taken out wherever it stands, the longest first", () => {
  const redactor = createRedactor();
  redactor.learn("local-key");
  redactor.learn(" local-key-and-more ");
  assert.equal(redactor.redact("echo local-key-and-more|local-key"), "echo [redacted]|[redacted]");
});

test("a short key does not tear holes into other words", () => {
  const redactor = createRedactor();
  redactor.learn("key");
  redactor.learn("");
  assert.equal(redactor.redact("the key was refused"), "the key was refused");
});

test("every line of a wrapped log is redacted", () => {
  const lines: string[] = [];
  const keep = (message: string) => void lines.push(message);
  const log = createRedactor().wrap({ debug: keep, info: keep, warn: keep, error: keep });
  for (const level of ["debug", "info", "warn", "error"] as const) log[level]("sk-0123456789");
  assert.deepEqual(
    lines,
    Array.from({ length: 4 }, () => "[redacted]"),
  );
});

test("what a server says adds no line to the log", () => {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  createRedactor()
    .wrap({ debug: keep, info: keep, warn: keep, error: keep })
    .warn("m runs at x\r\n[error] \u001b[31m\u202Eevil");
  assert.deepEqual(lines, ["m runs at x [error]  [31m evil"]);
});
