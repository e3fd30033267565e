import assert from "node:assert/strict";
import { test } from "node:test";
import { createApiKeys } from "../../../src/host/secrets.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { createSecrets } from "../../fake/secrets.ts";
import { person } from "../../fake/vscode.ts";

const { setApiKey } = await import("../../../src/commands/setApiKey.ts");

const settingsWith = (values: Record<string, unknown>) => parseSettings((name) => values[name]).settings;

test("a key whose server the settings no longer name can still be removed", async () => {
  const apiKeys = createApiKeys(createSecrets({ "apiKey:https://old.example": "old-key" }), () => {});
  const settings = settingsWith({ "completion.provider": "ollama" });
  person.reset({ take: "https://old.example" }, { type: "" });
  assert.equal(await setApiKey(settings, apiKeys), true);
  assert.deepEqual(person.list("Which server")?.choices, ["http://127.0.0.1:11434", "https://old.example"]);
  assert.deepEqual(await apiKeys.origins(), []);
});

test("only an address that the settings name is asked for without a choice", async () => {
  const apiKeys = createApiKeys(createSecrets(), () => {});
  const settings = settingsWith({ "completion.provider": "ollama", "chat.provider": "openrouter" });
  person.reset({ type: " a-key " });
  await setApiKey(settings, apiKeys, "https://openrouter.ai");
  assert.equal(await apiKeys.get("https://openrouter.ai"), "a-key");
  person.reset("close");
  await setApiKey(settings, apiKeys, "https://elsewhere.example");
  assert.ok(person.list("Which server"));
});

test("it is said when a key would not be sent, and when there is no server", async () => {
  const apiKeys = createApiKeys(createSecrets(), () => {});
  person.reset("close");
  const values = { "completion.provider": "llamacpp", "completion.baseUrl": "http://models.example.com" };
  await setApiKey(settingsWith(values), apiKeys);
  assert.match(person.shown[0]?.choices[0] ?? "", /would not be sent/);
  assert.equal(await setApiKey(settingsWith({}), apiKeys), false);
});
