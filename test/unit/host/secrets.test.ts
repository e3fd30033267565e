import assert from "node:assert/strict";
import { test } from "node:test";
import { createApiKeys } from "../../../src/host/secrets.ts";
import { createSecrets } from "../../fake/secrets.ts";

test("the origins that have a key are known, whatever else is stored", async () => {
  const learned: string[] = [];
  const apiKeys = createApiKeys(createSecrets({ other: "x" }), (apiKey) => learned.push(apiKey));
  await apiKeys.set("http://a:1", "a-key");
  await apiKeys.set("https://b", "b-key");
  assert.deepEqual(await apiKeys.origins(), ["http://a:1", "https://b"]);
  await apiKeys.set("http://a:1", "");
  assert.deepEqual(await apiKeys.origins(), ["https://b"]);
  assert.deepEqual(learned, ["a-key", "b-key"]);
});
