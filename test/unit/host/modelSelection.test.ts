import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../../../src/host/modelSelection.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { type Settings } from "../../../src/host/settingsSchema.ts";

const parse = (values: Record<string, unknown>): Settings => parseSettings((name) => values[name]).settings;
const nothing = parse({});

/** Only what is set; what is taken back is left out. */
const written = (changes: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));

test("one model for everything is one setting, on its usual port without an address", () => {
  const models = { completion: "coder", chat: "coder", background: "coder" };
  const changes = settingsOf({ provider: "ollama", baseUrl: "http://127.0.0.1:11434", models }, nothing);
  assert.deepEqual(written(changes), { "completion.provider": "ollama", "completion.model": "coder" });
  const settings = parse(changes);
  assert.deepEqual([settings.chat?.model, settings.background?.model], ["coder", "coder"]);
});

test("what was chosen comes out of the settings again, whatever was set before", () => {
  const baseUrl = "http://gpu-box:8000/v1";
  const choices = [
    { completion: "a", chat: "b", background: "c" },
    { completion: "a", chat: "b", background: "b" },
    { completion: "a", chat: "b", background: "a" },
    { completion: undefined, chat: "b", background: "b" },
    { completion: "a", chat: "a", background: "b" },
  ];
  const old = { "completion.provider": "llamacpp", "chat.provider": "ollama", "background.provider": "ollama" };
  for (const models of choices) {
    const changes = settingsOf({ provider: "openai-compatible", baseUrl, models }, parse(old));
    const settings = parse({ ...old, ...changes });
    for (const role of ["completion", "chat", "background"] as const) {
      assert.equal(settings[role]?.model, models[role], JSON.stringify(models));
      if (models[role] !== undefined) assert.equal(settings[role]?.baseUrl, baseUrl);
    }
  }
});

test("further addresses go with the model that they served, and stay with the one that stays", () => {
  const values = {
    "completion.provider": "openai-compatible",
    "completion.baseUrl": "http://a:8000/v1",
    "completion.model": "m",
    "completion.moreBaseUrls": ["http://b:8000/v1"],
    "completion.fallbacks": [{ provider: "ollama" }],
  };
  const models = { completion: "m", chat: "m", background: "m" };
  const same = settingsOf({ provider: "openai-compatible", baseUrl: "http://a:8000/v1", models }, parse(values));
  assert.ok(!("completion.moreBaseUrls" in same));
  const other = settingsOf({ provider: "openai-compatible", baseUrl: "http://c:8000/v1", models }, parse(values));
  assert.ok("completion.moreBaseUrls" in other && other["completion.moreBaseUrls"] === undefined);
  assert.ok(!("completion.fallbacks" in other));
});

test("further addresses that served nobody do not come to life beside a new model", () => {
  const values = {
    "completion.provider": "ollama",
    "completion.model": "old",
    "chat.moreBaseUrls": ["http://stale:11434"],
  };
  const baseUrl = "http://127.0.0.1:11434";
  for (const models of [
    { completion: "new", chat: "old", background: "old" },
    { completion: "new", chat: "other", background: "other" },
    { completion: "new", chat: "new", background: "new" },
  ]) {
    const changes = settingsOf({ provider: "ollama", baseUrl, models }, parse(values));
    const settings = parse({ ...values, ...changes });
    assert.deepEqual(settings.chat?.moreBaseUrls, [], JSON.stringify(models));
    assert.ok("chat.moreBaseUrls" in changes);
  }
  // Ghost text takes over the chat's model, and the chat inherits it from there.
  const own = { ...values, "chat.provider": "ollama", "chat.model": "big" };
  const models = { completion: "big", chat: "big", background: "big" };
  assert.ok("chat.moreBaseUrls" in settingsOf({ provider: "ollama", baseUrl, models }, parse(own)));
});
