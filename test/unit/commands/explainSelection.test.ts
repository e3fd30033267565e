import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExplainOptions } from "../../../src/commands/explainSelection.ts";
import { person } from "../../fake/vscode.ts";

const { explainSelection } = await import("../../../src/commands/explainSelection.ts");

test("with nothing selected nobody is asked, and nothing counts as answered", async () => {
  person.reset();
  assert.equal(await explainSelection({} as ExplainOptions), false);
  assert.deepEqual(person.said(), ["Select the code to explain first."]);
});
