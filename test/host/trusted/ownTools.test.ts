import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { closeAll } from "../editor.ts";
import { waitUntil } from "../ui.ts";

const folder = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const at = (file: string) => path.join(folder(), file);

/** Calls a tool as another extension would. VS Code, under test, agrees to every question that it would ask. */
const call = async (name: string, input: object = {}, token?: vscode.CancellationToken): Promise<string> => {
  const { content } = await vscode.lm.invokeTool(`hotpath_${name}`, { input, toolInvocationToken: undefined }, token);
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
};

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

const git = (...args: string[]) =>
  promisify(execFile)("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], { cwd: folder() });

// Hooks outside of a suite would be those of every file in this window.
suite("tools for models", () => {
  before(async () => {
    await writeFile(at(".env"), "TOKEN=hidden-in-env\n");
    await symlink("..", at("above"));
  });
  after(async () => {
    await rm(at(".env"));
    await rm(at("above"));
  });
  afterEach(closeAll);

  test("VS Code offers them all, with what they are for", () => {
    const own = vscode.lm.tools.filter(({ name }) => name.startsWith("hotpath_"));
    assert.equal(own.length, 13);
    for (const { description, inputSchema } of own) assert.ok(description.length > 40 && inputSchema);
  });

  test("text is searched in the bundled worker, without secrets", async () => {
    const found = await call("searchText", { query: "findProduct" });
    assert.match(found, /^src\/products\.ts:7: export function findProduct/m);
    assert.match(await call("searchText", { query: "hidden-in-env" }), /^No line matches in \d+ files/);
    assert.match(
      await call("searchText", { query: String.raw`^export function f\w+`, isRegex: true, files: "products.ts" }),
      /^1 line matches in 1 file\./,
    );
    await assert.rejects(call("searchText", { query: "(", isRegex: true }), /no JavaScript regular expression/);
    const cancelling = new vscode.CancellationTokenSource();
    const cancelled = call("searchText", { query: "a" }, cancelling.token);
    cancelling.cancel();
    await assert.rejects(cancelled);
  });

  test("files are listed and read, also as they stand unsaved in the editor", async () => {
    assert.match(await call("listFiles", { folder: "src" }), /^src\/products\.ts$/m);
    assert.match(await call("listFiles", { files: "*.ts" }), /^src\/store\.ts$/m);
    assert.match(
      await call("readFile", { path: "src/products.ts", startLine: 7, endLine: 8 }),
      /^src\/products\.ts, lines 7-8 of \d+:\nexport function/,
    );
    const document = await vscode.workspace.openTextDocument(at("src/errors.ts"));
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "// typed just now\n"));
    assert.match(await call("readFile", { path: "src/errors.ts", endLine: 1 }), /typed just now/);
    assert.match(await call("searchText", { query: "typed just now" }), /^src\/errors\.ts:1: /m);
  });

  test("nothing outside and no secret is read", async () => {
    for (const file of [
      ".env",
      "./src/../.ENV",
      at(".env"),
      "above/x",
      "../x",
      "/etc/passwd",
      ".git/config",
      "file:///etc/passwd",
    ]) {
      await assert.rejects(call("readFile", { path: file }), /holds keys|outside|off limits|cannot be read/, file);
    }
    assert.doesNotMatch(await call("listFiles"), /\.env/);
  });

  test("problems, symbols and references come from the languages", async () => {
    const problems = vscode.languages.createDiagnosticCollection("test");
    const uri = vscode.Uri.file(at("src/store.ts"));
    const range = new vscode.Range(1, 2, 1, 5);
    problems.set(uri, [new vscode.Diagnostic(range, "This is wrong.", vscode.DiagnosticSeverity.Error)]);
    problems.set(vscode.Uri.file("/elsewhere/x.ts"), [new vscode.Diagnostic(range, "Elsewhere.")]);
    const location = new vscode.Location(uri, range);
    const providers = [
      vscode.languages.registerDocumentSymbolProvider("typescript", {
        provideDocumentSymbols: () => [
          new vscode.SymbolInformation("inStore", vscode.SymbolKind.Function, "box", location),
        ],
      }),
      vscode.languages.registerWorkspaceSymbolProvider({
        provideWorkspaceSymbols: () => [
          new vscode.SymbolInformation("anywhere", vscode.SymbolKind.Class, "", location),
        ],
      }),
      vscode.languages.registerReferenceProvider("typescript", {
        provideReferences: (_document, position) =>
          position.line === 6 && position.character === 16
            ? [
                location,
                new vscode.Location(vscode.Uri.file("/elsewhere/x.ts"), range),
                new vscode.Location(vscode.Uri.file(at(".env")), range),
              ]
            : [],
      }),
    ];
    try {
      const told = await call("diagnostics");
      assert.match(told, /src\/store\.ts:2:3: error: This is wrong\./);
      assert.doesNotMatch(told, /Elsewhere/);
      assert.match(await call("diagnostics", { path: "src/orders.ts" }), /No problems are known/);
      assert.match(await call("symbols", { path: "src/store.ts" }), /src\/store\.ts:2: function (?:box\.)?inStore/);
      assert.match(await call("symbols", { query: "anyw" }), /src\/store\.ts:2: class anywhere/);
      const references = await call("references", { path: "src/products.ts", line: 7, symbol: "findProduct" });
      assert.match(references, /^src\/store\.ts:2: /m);
      assert.doesNotMatch(references, /elsewhere|hidden/);
      await assert.rejects(
        call("references", { path: "src/products.ts", line: 1, symbol: "nowhere" }),
        /The line is: import/,
      );
    } finally {
      problems.dispose();
      for (const provider of providers) provider.dispose();
    }
  });

  test("changes and commits come from VS Code's Git extension, without secrets", async () => {
    await assert.rejects(call("gitDiff"), /knows of no repository/);
    const readme = await readFile(at("README.md"), "utf8");
    await git("init", "-q");
    await git("add", "-f", ".");
    await git("commit", "-qm", "Begin here");
    try {
      await vscode.commands.executeCommand("git.openRepository", folder());
      await writeFile(at("README.md"), "A line that is new.\n");
      await writeFile(at(".env"), "TOKEN=hidden-and-changed\n");
      const diff = await call("gitDiff");
      assert.match(diff, /^\+A line that is new\.$/m);
      assert.doesNotMatch(diff, /hidden/);
      assert.match(await call("gitDiff", { path: "src" }), /no unstaged changes/);
      assert.match(await call("gitDiff", { isStaged: true }), /no staged changes/);
      assert.match(await call("gitLog"), /^[0-9a-f]{10} \d{4}-\d\d-\d\d t: Begin here$/m);
      assert.match(await call("gitLog", { path: "src", count: 1 }), /Begin here/);
      await assert.rejects(call("gitLog", { path: "../x" }), /outside/);
    } finally {
      await writeFile(at("README.md"), readme);
      await writeFile(at(".env"), "TOKEN=hidden-in-env\n");
      await vscode.commands.executeCommand("git.close");
      await rm(at(".git"), { recursive: true });
    }
  });

  test("an edit is made in the editor, not saved, and undone by Undo", async () => {
    const original = await readFile(at("src/products.ts"), "utf8");
    const edit = { path: "src/products.ts", oldText: '"Product", id', newText: '"Article", id' };
    assert.match(
      await call("applyEdit", edit),
      /^src\/products\.ts was changed at line 10 in the editor\. It is not saved/,
    );
    const document = vscode.workspace.textDocuments.find(({ fileName }) => fileName === at("src/products.ts"))!;
    assert.ok(document.isDirty);
    assert.equal(document.getText(), original.replace('"Product", id', '"Article", id'));
    assert.equal(await readFile(at("src/products.ts"), "utf8"), original);
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("undo");
    assert.equal(document.getText(), original);
    await assert.rejects(call("applyEdit", { ...edit, oldText: "no such text" }), /does not occur/);
  });

  test("a new file is begun unsaved, and can be edited and read before it is saved", async () => {
    assert.match(
      await call("applyEdit", { path: "src/new/fresh.ts", oldText: "", newText: "const a = 1;\n" }),
      /begun as a new file/,
    );
    assert.equal(await isThere(at("src/new")), false);
    assert.match(await call("readFile", { path: "src/new/fresh.ts" }), /const a = 1;/);
    await call("applyEdit", { path: "src/new/fresh.ts", oldText: "1", newText: "2" });
    const document = vscode.window.activeTextEditor?.document ?? vscode.workspace.textDocuments.at(-1)!;
    assert.equal(document.uri.scheme, "untitled");
    assert.equal(document.getText(), "const a = 2;\n");
    assert.equal(await isThere(at("src/new")), false);
  });

  test("what VS Code obeys is asked about in a dialog of its own, and not changed without it", async () => {
    // Under test VS Code agrees to a tool's own question and refuses every other dialog.
    const edit = { path: ".vscode/tasks.json", oldText: "", newText: '{ "tasks": [] }\n' };
    await assert.rejects(call("applyEdit", edit), /did not agree/);
    assert.equal(await isThere(at(".vscode/tasks.json")), false);
    assert.ok(!vscode.workspace.textDocuments.some(({ fileName }) => fileName.endsWith("tasks.json")));
  });

  test("nothing outside is written, nor a secret", async () => {
    for (const file of [
      "../far.txt",
      "above/far.txt",
      path.join(folder(), "..", "far.txt"),
      ".git/hooks/pre-commit",
      ".env.local",
    ]) {
      await assert.rejects(
        call("applyEdit", { path: file, oldText: "", newText: "x" }),
        /outside|off limits|holds keys/,
        file,
      );
    }
    assert.equal(await isThere(path.join(folder(), "..", "far.txt")), false);
    assert.equal(vscode.workspace.textDocuments.filter(({ isUntitled }) => isUntitled).length, 0);
  });

  test("tasks that VS Code lists are run, with their exit code; others are not", async () => {
    const tasks = {
      version: "2.0.0",
      tasks: [
        { label: "mark", type: "shell", command: "echo marked > marked.txt", group: "test" },
        { label: "both", dependsOn: ["mark", "fail"], dependsOrder: "sequence" },
        { label: "fail", type: "process", command: "false" },
        { label: "lost", type: "shell", command: "true", dependsOn: "gone" },
      ],
    };
    await mkdir(at(".vscode"), { recursive: true });
    await writeFile(at(".vscode/tasks.json"), JSON.stringify(tasks));
    try {
      const list = await waitUntil("the tasks", async () => {
        const text = await call("listTasks");
        return text.includes("mark") ? text : undefined;
      });
      assert.match(list, /^mark \(test\): echo marked > marked\.txt$/m);
      assert.match(await call("runTask", { task: "mark" }), /^mark ended with exit code 0 after/);
      assert.equal((await readFile(at("marked.txt"), "utf8")).trim(), "marked");
      assert.match(await call("runTask", { task: "fail" }), /^fail ended with exit code 1/);
      await assert.rejects(call("runTask", { task: "lost" }), /cannot be shown/);
      await assert.rejects(call("runTask", { task: "rm -rf /" }), /no such task.*mark/s);
    } finally {
      await rm(at(".vscode/tasks.json"));
      await rm(at("marked.txt"), { force: true });
      for (const terminal of vscode.window.terminals) terminal.dispose();
      await vscode.commands.executeCommand("workbench.action.closePanel");
    }
  });

  test("memory and speed are told in words", async () => {
    assert.match(await call("memoryStatus"), /^Machine: \d+ % of .*in use[^]*Extension host.*resident/);
    assert.match(await call("performanceReport"), /Requests to model servers: \d+ \(/);
  });
});
