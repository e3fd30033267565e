import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsForRole } from "../../../src/commands/recommendModelSettings.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { type Settings } from "../../../src/host/settingsSchema.ts";

const parse = (values: Record<string, unknown>): Settings => parseSettings((name) => values[name]).settings;
const ollama = { provider: "ollama", baseUrl: "http://127.0.0.1:11434", model: "new" } as const;

/** The model of each role after the choice. */
const after = (before: Record<string, unknown>, role: "completion" | "chat") => {
  const { completion, chat, background } = parse({ ...before, ...settingsForRole(role, ollama, parse(before)) });
  return [completion?.model, chat?.model, background?.model];
};

test("the first model is used for everything", () => {
  assert.deepEqual(after({}, "completion"), ["new", "new", "new"]);
  assert.deepEqual(after({}, "chat"), [undefined, "new", "new"]);
});

test("a role that followed keeps the model that it had", () => {
  const one = { "completion.provider": "ollama", "completion.model": "old" };
  assert.deepEqual(after(one, "completion"), ["new", "old", "old"]);
  assert.deepEqual(after(one, "chat"), ["old", "new", "old"]);
});

test("roles with a server of their own are left alone", () => {
  const three = {
    "completion.provider": "ollama",
    "completion.model": "a",
    "chat.provider": "llamacpp",
    "chat.baseUrl": "http://127.0.0.1:8081",
    "background.provider": "ollama",
    "background.model": "c",
  };
  const changes = settingsForRole("completion", ollama, parse(three));
  assert.deepEqual(
    Object.keys(changes).filter((name) => !name.startsWith("completion.")),
    [],
  );
  assert.deepEqual(after(three, "chat"), ["a", "new", "c"]);
});

test("choosing what is there already changes no other role", () => {
  const one = { "completion.provider": "ollama", "completion.model": "new" };
  assert.deepEqual(after(one, "completion"), ["new", "new", "new"]);
  const changes = settingsForRole("completion", ollama, parse(one));
  assert.ok(!("chat.provider" in changes));
});

test("a usual address is not written, another one is, and further addresses go", () => {
  const before = parse({ "completion.provider": "ollama", "completion.moreBaseUrls": ["http://10.0.0.9:11434"] });
  const changes = settingsForRole("completion", ollama, before);
  assert.equal(changes["completion.baseUrl"], undefined);
  assert.ok("completion.moreBaseUrls" in changes && changes["completion.moreBaseUrls"] === undefined);
  const elsewhere = settingsForRole("chat", { ...ollama, baseUrl: "http://127.0.0.1:9999" }, before);
  assert.equal(elsewhere["chat.baseUrl"], "http://127.0.0.1:9999");
});
