import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSettings, settingDefaults } from "../../../src/host/settingsSchema.ts";

const parse = (values: Record<string, unknown>) => parseSettings((name) => values[name]);

type Property = { default: unknown; scope: string; enum?: string[]; enumDescriptions?: string[] };
type Manifest = {
  contributes: { configuration: { properties: Record<string, Property> }[] };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
};
const readText = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");
const manifest = JSON.parse(readText("package.json")) as Manifest;
const properties = Object.assign({}, ...manifest.contributes.configuration.map((part) => part.properties)) as Record<
  string,
  Property
>;

test("without settings there is no server and the predictor is on", () => {
  assert.deepEqual(parse({}), {
    settings: { completion: undefined, chat: undefined, predictorEnabled: true },
    problems: [],
  });
});

test("a provider alone is enough: the address is the one that server has by default", () => {
  const { settings } = parse({ "completion.provider": "llamacpp" });
  assert.deepEqual(settings.completion, { provider: "llamacpp", baseUrl: "http://127.0.0.1:8080", model: "" });
  const addresses = {
    ollama: "http://127.0.0.1:11434",
    "openai-compatible": "http://127.0.0.1:1234/v1",
    openrouter: "https://openrouter.ai/api/v1",
  };
  for (const [provider, baseUrl] of Object.entries(addresses)) {
    assert.deepEqual(parse({ "completion.provider": provider }).settings.completion, { provider, baseUrl, model: "" });
  }
});

test("chat falls back to the completion server and can have its own", () => {
  const shared = parse({ "completion.provider": "llamacpp" }).settings;
  assert.deepEqual(shared.chat, shared.completion);
  const own = parse({ "completion.provider": "llamacpp", "chat.provider": "openai-compatible", "chat.model": " m " });
  assert.deepEqual(own.settings.chat, {
    provider: "openai-compatible",
    baseUrl: "http://127.0.0.1:1234/v1",
    model: "m",
  });
});

test("unknown values are left out and named", () => {
  const { settings, problems } = parse({
    "completion.provider": "gpt9",
    "chat.provider": "llamacpp",
    "chat.baseUrl": "ftp://host",
    "predictor.enabled": "yes",
  });
  assert.equal(settings.completion, undefined);
  assert.equal(settings.chat, undefined);
  assert.equal(settings.predictorEnabled, true);
  assert.deepEqual(
    problems.map(({ kind, setting }) => `${kind} ${setting}`),
    [
      "unknown-provider hotpath.completion.provider",
      "bad-url hotpath.chat.baseUrl",
      "wrong-type hotpath.predictor.enabled",
    ],
  );
});

test("values of a wrong type are no crash", () => {
  for (const value of [null, 5, {}, [], true]) {
    const { settings } = parse({
      "completion.provider": value,
      "completion.baseUrl": value,
      "completion.model": value,
    });
    assert.equal(settings.completion, undefined);
  }
});

test("a password in an address is refused and not repeated", () => {
  const { settings, problems } = parse({
    "completion.provider": "llamacpp",
    "completion.baseUrl": "http://me:secret-word@host",
  });
  assert.equal(settings.completion, undefined);
  assert.doesNotMatch(JSON.stringify(problems), /secret-word/);
});

test("package.json and the program know the same settings with the same defaults", () => {
  const declared = Object.fromEntries(
    Object.entries(properties).map(([name, { default: value }]) => [name.replace("hotpath.", ""), value]),
  );
  assert.deepEqual(declared, { ...settingDefaults });
});

test("package.json offers the providers that the program knows", () => {
  const kinds = ["none", "llamacpp", "ollama", "openai-compatible", "openrouter"];
  for (const feature of ["completion", "chat"]) {
    const { enum: offered, enumDescriptions } = properties[`hotpath.${feature}.provider`]!;
    assert.deepEqual(offered, kinds);
    assert.equal(enumDescriptions?.length, kinds.length);
  }
  for (const kind of kinds) assert.deepEqual(parse({ "completion.provider": kind }).problems, []);
});

test("a folder cannot say where text is sent: endpoint settings are machine-scoped and restricted", () => {
  const endpoints = Object.keys(properties).filter((name) => /\.(provider|baseUrl|model)$/.test(name));
  assert.equal(endpoints.length, 6);
  for (const name of endpoints) assert.equal(properties[name]!.scope, "machine", name);
  assert.deepEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.toSorted(), endpoints.toSorted());
});

test("every text that package.json refers to exists, and none is left over", () => {
  const used = new Set([...readText("package.json").matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
  assert.deepEqual([...used].toSorted(), Object.keys(JSON.parse(readText("package.nls.json")) as object).toSorted());
});
