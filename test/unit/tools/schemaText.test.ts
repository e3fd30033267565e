import assert from "node:assert/strict";
import { test } from "node:test";
import { describeArguments } from "../../../src/tools/schemaText.ts";

test("arguments read like a type, what is required first", () => {
  const schema = {
    type: "object",
    properties: {
      count: { type: ["integer", "null"], description: "Most\n results" },
      path: { type: "string", description: "Path of the file" },
      mode: { enum: ["read", "write"] },
      tags: { type: "array", items: { type: "string" } },
      edits: { type: "array", items: { type: "object", properties: { line: { type: "number" } }, required: ["line"] } },
      options: { type: "object" },
      anything: {},
    },
    required: ["path"],
  };
  assert.equal(
    describeArguments(schema),
    '{path: string (Path of the file); count?: integer|null (Most results); mode?: "read"|"write"; tags?: string[]; ' +
      "edits?: {line: number}[]; options?: object; anything?: any}",
  );
});

test("a tool without arguments, and what is no schema, have none", () => {
  for (const schema of [undefined, null, 3, [], {}, { properties: 4 }, { properties: [] }]) {
    assert.equal(describeArguments(schema), "{}");
  }
});

test("a huge, a deep and a recursive schema stay short", () => {
  const properties = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [`name${at}`, { type: "string", description: "x".repeat(1_000) }]),
  );
  assert.ok(describeArguments({ properties }).length <= 1_200);
  const few = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`n${at}`, { type: "string" }]));
  assert.match(describeArguments({ properties: few }), /n23\?: string; …\}$/);
  const deep: { properties: Record<string, unknown> } = { properties: {} };
  deep.properties["self"] = deep;
  assert.equal(describeArguments(deep), "{self?: {self?: {self?: {self?: object}}}}");
  const values = Array.from({ length: 100 }, (_, at) => `value ${at}`);
  assert.equal(describeArguments({ properties: { kind: { type: "string", enum: values } } }), "{kind?: string}");
});
