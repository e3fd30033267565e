import assert from "node:assert/strict";
import { test } from "node:test";
import { Uri, world } from "../../fake/vscodeTools.ts";
import { createWorkspace } from "../languageTools/workspaceFixture.ts";

const { codeTools } = await import("../../../src/host/ownToolsCode.ts");

const call = { signal: new AbortController().signal, roomUnits: 100_000 };

test("a list of symbols that was cut says so", async () => {
  await using workspace = await createWorkspace();
  const file = await workspace.write("a.ts", "");
  world.reset(workspace.root);
  const headingOf = async (count: number, input: object) => {
    const range = { start: { line: 0, character: 0 } };
    const symbols = Array.from({ length: count }, (_, at) => ({
      name: `one${at}`,
      kind: 11,
      containerName: "",
      location: { uri: Uri.file(file), range },
    }));
    world.answers = {
      "vscode.executeDocumentSymbolProvider": symbols,
      "vscode.executeWorkspaceSymbolProvider": symbols,
    };
    const [heading, ...lines] = (await codeTools.hotpath_symbols.run(input, call)).split("\n");
    return [heading, lines.length];
  };
  assert.deepEqual(await headingOf(1, { path: "a.ts" }), ["1 symbol in a.ts:", 1]);
  assert.deepEqual(await headingOf(200, { path: "a.ts" }), ["200 symbols in a.ts:", 200]);
  assert.deepEqual(await headingOf(201, { path: "a.ts" }), ["200 of 201 symbols in a.ts:", 200]);
  assert.deepEqual(await headingOf(200, { query: "one" }), ["200 symbols in the workspace:", 200]);
  assert.deepEqual(await headingOf(201, { query: "one" }), ["200 of 201 symbols in the workspace:", 200]);
});
