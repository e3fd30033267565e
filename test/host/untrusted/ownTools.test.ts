import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import path from "node:path";
import { suite, test } from "node:test";
import * as vscode from "vscode";

const call = async (name: string, input: object): Promise<string> => {
  const { content } = await vscode.lm.invokeTool(`hotpath_${name}`, { input, toolInvocationToken: undefined });
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
};

suite("tools for models in a folder that is not trusted", () => {
  test("they read the folder", async () => {
    assert.match(await call("readFile", { path: "src/products.ts", endLine: 1 }), /NotFoundError/);
    assert.match(await call("searchText", { query: "findProduct" }), /^src\/products\.ts:7: /m);
    assert.match(await call("listFiles", {}), /^src\/$/m);
    assert.match(await call("diagnostics", {}), /problems/);
    assert.match(await call("memoryStatus", {}), /^Machine/);
    await assert.rejects(call("readFile", { path: "../../x" }), /outside/);
  });

  test("they write nothing, run nothing and have nobody else run anything", async () => {
    const planted = path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, "planted.txt");
    const calls: readonly (readonly [string, object])[] = [
      ["applyEdit", { path: "planted.txt", oldText: "", newText: "x" }],
      ["applyEdit", { path: "src/products.ts", oldText: "findProduct", newText: "x" }],
      ["listTasks", {}],
      ["runTask", { task: "build" }],
      ["gitDiff", {}],
      ["gitLog", {}],
    ];
    for (const [name, input] of calls) await assert.rejects(call(name, input), /The folder is not trusted/, name);
    await assert.rejects(access(planted));
    // VS Code itself may be writing the user's settings.
    const changed = vscode.workspace.textDocuments.filter(
      ({ isDirty, uri }) => isDirty && !uri.path.endsWith("/User/settings.json"),
    );
    assert.deepEqual(
      changed.map(({ uri }) => uri.path),
      [],
    );
  });
});
