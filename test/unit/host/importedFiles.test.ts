import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { readImports } from "../../../src/host/importedFiles.ts";

const setUp = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const root = mkdtempSync(path.join(tmpdir(), "imports-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  const folder = path.join(root, "work");
  const read = async (
    text: string,
    open: Readonly<Record<string, string>> = {},
    signal = new AbortController().signal,
  ) =>
    (
      await readImports({
        filePath: path.join(folder, "src", "a.ts"),
        folder,
        text,
        languageId: "typescript",
        openText: (filePath) => open[path.relative(folder, filePath)],
        signal,
      })
    ).map((file) => [path.relative(folder, file.filePath).replaceAll("\\", "/"), file.text]);
  return { root, folder, read };
};

test("an imported file of the workspace is told of, by its open text where it is open", async (t) => {
  const { read } = setUp(t, { "work/src/b.ts": "export const b = 1;", "work/lib/c/index.ts": "export const c = 2;" });
  const text = 'import { b } from "./b.js";\nimport { c } from "../lib/c";\nimport { d } from "./missing";';
  assert.deepEqual(await read(text), [
    ["src/b.ts", "export const b = 1;"],
    ["lib/c/index.ts", "export const c = 2;"],
  ]);
  assert.deepEqual(await read(text, { [path.join("src", "b.ts")]: "export const b = 3;" }), [
    ["src/b.ts", "export const b = 3;"],
    ["lib/c/index.ts", "export const c = 2;"],
  ]);
});

test("nothing is read outside of the folder, by path or by link", async (t) => {
  const { root, folder, read } = setUp(t, { "out/x.ts": "export const x = 1;", "work/src/a.ts": "" });
  symlinkSync(path.join(root, "out", "x.ts"), path.join(folder, "src", "file.ts"));
  symlinkSync(path.join(root, "out"), path.join(folder, "src", "dir"));
  assert.deepEqual(await read('import "x"; import { x } from "../../out/x";'), []);
  assert.deepEqual(await read('import { x } from "./file"; import { y } from "./dir/x";'), []);
});

test("secrets, long, binary and special files are left out, and so is the file itself", async (t) => {
  const { folder, read } = setUp(t, {
    "work/src/a.ts": "export const a = 1;",
    "work/src/secrets.json": '{"k":1}',
    "work/src/plain.txt": "export const a = 1;",
    "work/src/.env.ts": "export const k = 1;",
    "work/src/long.ts": `export const a = 1;\n`.repeat(20_000),
    "work/src/binary.ts": "export const a = 1;\0",
  });
  mkdirSync(path.join(folder, "src", "folder.ts"));
  symlinkSync(path.join(folder, "src", "secrets.json"), path.join(folder, "src", "alias.ts"));
  symlinkSync(path.join(folder, "src", "plain.txt"), path.join(folder, "src", "token.json"));
  const names = ["./a", "./secrets.json", "./.env.ts", "./long", "./binary", "./folder", "./alias", "./token.json"];
  assert.deepEqual(await read(names.map((name) => `import { a } from "${name}";`).join("\n")), []);
});

test("at most six files, and none after the end of the wish", async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 9 }, (_, n) => [`work/src/f${n}.ts`, `export const f${n} = 1;`]),
  );
  const { read } = setUp(t, files);
  const text = Array.from({ length: 9 }, (_, n) => `import { f${n} } from "./f${n}";`).join("\n");
  assert.equal((await read(text)).length, 6);
  assert.deepEqual(await read(text, {}, AbortSignal.abort()), []);
});
