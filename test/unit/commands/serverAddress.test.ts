import assert from "node:assert/strict";
import { test } from "node:test";
import { withScheme } from "../../../src/commands/serverAddress.ts";

test("an address without a scheme: https for a bare name on the internet, http for all else", () => {
  for (const [text, address] of [
    ["gpu-box:8000", "http://gpu-box:8000"],
    [" gpu-box ", "http://gpu-box"],
    ["192.168.0.7", "http://192.168.0.7"],
    ["[::1]", "http://[::1]"],
    ["models.example.com", "https://models.example.com"],
    ["models.example.com/v1", "https://models.example.com/v1"],
    ["models.example.com:80/v1", "http://models.example.com:80/v1"],
    ["http://models.example.com", "http://models.example.com"],
  ] as const) {
    assert.equal(withScheme(text), address);
  }
});
