import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBaseUrl } from "../../../src/provider/baseUrl.ts";
import { assertFault } from "./harness.ts";

test("an address is taken with or without a slash at the end", () => {
  assert.deepEqual(parseBaseUrl("http://localhost:8080"), {
    origin: "http://localhost:8080",
    href: "http://localhost:8080",
    isPrivate: true,
    acceptsKey: true,
  });
  assert.equal(parseBaseUrl(" http://localhost:8080// ").href, "http://localhost:8080");
  assert.equal(parseBaseUrl("https://api.example.com/openai/v1/").href, "https://api.example.com/openai/v1");
  assert.equal(parseBaseUrl("HTTPS://API.example.com:443/v1").origin, "https://api.example.com");
});

test("an address that cannot be used is refused with a reason", () => {
  const bad = ["", "localhost:8080", "ftp://host", "file:///etc", "http://", "http://a:b@host", "http://key@host"];
  for (const text of [...bad, "http://host?api_key=1", "http://host/#a"]) {
    assert.throws(
      () => parseBaseUrl(text),
      (error) => {
        assertFault(error, "bad-request");
        assert.ok(error.message.length > 20);
        assert.doesNotMatch(error.message, /key|:b@/);
        return true;
      },
      text,
    );
  }
});

test("a key may go over TLS anywhere, else only to this machine or a private network", () => {
  const safe = [
    "https://api.example.com",
    "http://localhost:1234",
    "http://127.0.0.1",
    "http://127.8.9.1",
    "http://0x7f.1",
    "http://[::1]:8080",
    "http://10.1.2.3",
    "http://172.16.0.1",
    "http://172.31.255.1",
    "http://192.168.1.20:8000",
    "http://169.254.1.1",
    "http://100.101.102.103",
    "http://[fd12:3456::1]",
    "http://[fe80::1]",
    "http://gpu-box:8080",
    "http://gpu.local",
    "http://ml.home.arpa",
  ];
  const unsafe = [
    "http://api.example.com",
    "http://8.8.8.8",
    "http://172.32.0.1",
    "http://192.169.1.1",
    "http://100.128.0.1",
    "http://11.0.0.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://[2001:db8::1]",
    "http://[::ffff:8.8.8.8]",
  ];
  for (const text of safe) {
    const { acceptsKey, isPrivate } = parseBaseUrl(text);
    assert.equal(acceptsKey, true, text);
    assert.equal(isPrivate, !text.startsWith("https:"), text);
  }
  for (const text of unsafe) {
    const { acceptsKey, isPrivate } = parseBaseUrl(text);
    assert.equal(acceptsKey, false, text);
    assert.equal(isPrivate, false, text);
  }
});
