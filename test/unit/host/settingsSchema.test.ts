import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { originsOf, settingDefaults, settingRanges } from "../../../src/host/settingsSchema.ts";
import { confidenceNames } from "../../../src/predictor/predictorMessages.ts";

const parse = (values: Record<string, unknown>) => parseSettings((name) => values[name]);

type Property = {
  default: unknown;
  scope: string;
  enum?: string[];
  enumDescriptions?: string[];
  minimum?: number;
  maximum?: number;
};
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

test("the origins that keys are bound to: each once, ghost text's first", () => {
  const { settings } = parse({
    "completion.provider": "openai-compatible",
    "completion.moreBaseUrls": ["http://b:8000/v1"],
    "completion.fallbacks": [{ provider: "openrouter" }],
    "chat.provider": "ollama",
  });
  assert.deepEqual(originsOf(settings), [
    "http://127.0.0.1:1234",
    "http://b:8000",
    "https://openrouter.ai",
    "http://127.0.0.1:11434",
  ]);
  assert.deepEqual(originsOf(parse({}).settings), []);
});

test("package.json and the program know the same settings with the same defaults", () => {
  const declared = Object.fromEntries(
    Object.entries(properties).map(([name, { default: value }]) => [name.replace("hotpath.", ""), value]),
  );
  assert.deepEqual(declared, { ...settingDefaults });
});

test("package.json offers the providers that the program knows", () => {
  const kinds = ["none", "llamacpp", "ollama", "openai-compatible", "openrouter"];
  for (const feature of ["completion", "chat", "background", "nextEdit"]) {
    const { enum: offered, enumDescriptions } = properties[`hotpath.${feature}.provider`]!;
    assert.deepEqual(offered, kinds);
    assert.equal(enumDescriptions?.length, kinds.length);
  }
  for (const kind of kinds) assert.deepEqual(parse({ "completion.provider": kind }).problems, []);
});

test("package.json draws the same limits for numbers", () => {
  for (const [name, range] of Object.entries(settingRanges)) {
    const { minimum, maximum } = properties[`hotpath.${name}`]!;
    assert.deepEqual([minimum, maximum], [range.min, range.max], name);
  }
});

test("a folder cannot say where text is sent: all but what it may switch is machine-scoped and restricted", () => {
  const harmless = new Set([
    "hotpath.completion.enabled",
    "hotpath.completion.showDelayMs",
    "hotpath.predictor.enabled",
    "hotpath.predictor.confidence",
    "hotpath.nextEdit.enabled",
  ]);
  const endpoints = Object.keys(properties).filter((name) => !harmless.has(name));
  assert.equal(endpoints.length, 44);
  for (const name of endpoints) assert.equal(properties[name]!.scope, "machine", name);
  assert.deepEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.toSorted(), endpoints.toSorted());
});

test("every text that package.json refers to exists, and none is left over", () => {
  const used = new Set([...readText("package.json").matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
  assert.deepEqual([...used].toSorted(), Object.keys(JSON.parse(readText("package.nls.json")) as object).toSorted());
});

test("package.json offers the low-memory modes that the program knows", () => {
  const modes = ["automatic", "on", "off"];
  assert.deepEqual(properties["hotpath.lowMemory"]!.enum, modes);
  for (const mode of modes) assert.equal(parse({ lowMemory: mode }).settings.lowMemory, mode);
  const odd = parse({ lowMemory: "sometimes" });
  assert.deepEqual(
    [odd.settings.lowMemory, odd.problems.map(({ kind, setting }) => `${kind} ${setting}`)],
    ["automatic", ["unknown-value hotpath.lowMemory"]],
  );
});

test("package.json offers the predictor's levels of confidence that the program knows", () => {
  const { enum: offered } = properties["hotpath.predictor.confidence"]!;
  assert.deepEqual(offered, [...confidenceNames]);
  for (const name of confidenceNames) {
    assert.equal(parse({ "predictor.confidence": name }).settings.predictorConfidence, name);
  }
});
