import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ToolError } from "../../../src/languageTools/toolError.ts";
import { readInput, schemaOf } from "../../../src/languageTools/toolInput.ts";
import { toolInputs } from "../../../src/languageTools/toolInputs.ts";

type ManifestTool = {
  readonly name: string;
  readonly displayName: string;
  readonly userDescription: string;
  readonly modelDescription: string;
  readonly toolReferenceName: string;
  readonly canBeReferencedInPrompt: boolean;
  readonly when?: string;
  readonly inputSchema: unknown;
};

const text = await readFile(new URL("../../../package.json", import.meta.url), "utf8");
type Contributions = {
  readonly languageModelTools: readonly ManifestTool[];
  readonly configurationDefaults: Readonly<Record<string, unknown>>;
};
const { contributes }: { contributes: Contributions } = JSON.parse(text);
const names: Record<string, string> = JSON.parse(
  await readFile(new URL("../../../package.nls.json", import.meta.url), "utf8"),
);

const fails = (raw: unknown, pattern: RegExp, fields = toolInputs.hotpath_readFile) =>
  assert.throws(
    () => readInput(fields, raw),
    (error: unknown) => error instanceof ToolError && error.kind === "input" && pattern.test(error.message),
  );

test("the manifest offers every tool with the schema that its input is checked by", () => {
  assert.deepEqual(
    contributes.languageModelTools.map(({ name }) => name),
    Object.keys(toolInputs),
  );
  for (const tool of contributes.languageModelTools) {
    const fields = Object.entries(toolInputs).find(([name]) => name === tool.name)?.[1];
    assert.ok(fields);
    assert.deepEqual(tool.inputSchema, schemaOf(fields), tool.name);
    assert.ok(tool.canBeReferencedInPrompt && tool.toolReferenceName.startsWith("hotpath"), tool.name);
    for (const key of [tool.displayName, tool.userDescription]) assert.ok(names[key.slice(1, -1)], key);
  }
});

test("what describes a tool to a model is short: a small one reads every token of it", () => {
  for (const { name, modelDescription, inputSchema } of contributes.languageModelTools) {
    assert.ok(modelDescription.length <= 360, `${name}: ${modelDescription.length}`);
    assert.ok(JSON.stringify(inputSchema).length <= 900, `${name}: ${JSON.stringify(inputSchema).length}`);
  }
});

test("what writes, runs or has Git run is not even offered in a folder that is not trusted", () => {
  const trusted = contributes.languageModelTools.filter(({ when }) => when === "isWorkspaceTrusted");
  assert.deepEqual(
    trusted.map(({ name }) => name),
    ["hotpath_gitDiff", "hotpath_gitLog", "hotpath_applyEdit", "hotpath_listTasks", "hotpath_runTask"],
  );
});

test("VS Code offers no lasting permission for what writes or runs", () => {
  const asksAlways = contributes.languageModelTools
    .filter(({ name }) => name === "hotpath_applyEdit" || name === "hotpath_runTask")
    .map(({ toolReferenceName }) => [`hotpath.hotpath/${toolReferenceName}`, false]);
  assert.deepEqual(
    contributes.configurationDefaults["chat.tools.eligibleForAutoApproval"],
    Object.fromEntries(asksAlways),
  );
});

test("a right input is taken, and what small models get wrong in form only", () => {
  assert.deepEqual(readInput(toolInputs.hotpath_readFile, { path: "a.ts", startLine: "12", endLine: 20, why: "x" }), {
    path: "a.ts",
    startLine: 12,
    endLine: 20,
  });
  assert.deepEqual(readInput(toolInputs.hotpath_searchText, { query: "x", isRegex: "true", files: null }), {
    query: "x",
    isRegex: true,
  });
});

test("a wrong input is an error that names the field and what it must be", () => {
  for (const raw of [undefined, null, "a.ts", 3, ["a.ts"]]) fails(raw, /JSON object/);
  fails({}, /"path" is missing: File, relative/);
  fails({ path: 3 }, /"path" must be a string/);
  fails({ path: "" }, /"path" must be a string that is not empty/);
  fails({ path: "x".repeat(1001) }, /at most 1000 characters long; this one has 1001/);
  for (const startLine of [0, -1, 1.5, Infinity, "two", "1e3", "", {}, true, "9".repeat(30)]) {
    fails({ path: "a", startLine }, /"startLine" must be a whole number from 1 to/);
  }
  assert.throws(() => readInput(toolInputs.hotpath_searchText, { query: "x", isRegex: 1 }), /true or false/);
  assert.throws(
    () => readInput(toolInputs.hotpath_applyEdit, { path: "a", oldText: "", newText: "x".repeat(20_001) }),
    /20000/,
  );
});

test("an input's own words for an object's innards change nothing", () => {
  const raw: unknown = JSON.parse('{"path":"a","__proto__":{"startLine":5},"constructor":{"x":1}}');
  assert.deepEqual(readInput(toolInputs.hotpath_readFile, raw), { path: "a" });
  fails(JSON.parse('{"__proto__":{"path":"a"}}'), /"path" is missing/);
});
