import assert from "node:assert/strict";
import { test } from "node:test";
import type { SelectedCompletionInfo, TextDocument } from "vscode";
import { EndOfLine, hands, Uri } from "../../fake/vscodeEditors.ts";

const { createSnapshotReader } = await import("../../../src/host/documentSnapshot.ts");

type Position = { readonly line: number; readonly character: number };

/** A document as VS Code keeps it, and how often all of its text was asked for. */
const createDocument = (lines: readonly string[], eol: "\n" | "\r\n", file = "/shop/a.ts") => {
  const state = { version: 1, lines: [...lines], reads: 0 };
  const document = {
    uri: Uri.file(file),
    languageId: "typescript",
    eol: eol === "\n" ? EndOfLine.LF : EndOfLine.CRLF,
    get version() {
      return state.version;
    },
    offsetAt: ({ line, character }: Position) =>
      state.lines.slice(0, line).reduce((sum, text) => sum + text.length + eol.length, 0) + character,
    getText() {
      state.reads++;
      return state.lines.join(eol);
    },
  } as unknown as TextDocument;
  return { document, state };
};
const at = (line: number, character: number) => ({ line, character }) as never;

for (const eol of ["\n", "\r\n"] as const) {
  const name = eol === "\n" ? "LF" : "CRLF";
  test(`${name}: a snapshot has \\n everywhere, and the cursor where it is`, () => {
    const { document } = createDocument(["const a = 1;", "", "call(a, b);", ""], eol);
    const read = createSnapshotReader();
    assert.deepEqual(read(document, at(2, 5)).snapshot, {
      documentId: "file:///shop/a.ts",
      path: "/shop/a.ts",
      languageId: "typescript",
      prefix: "const a = 1;\n\ncall(",
      suffix: "a, b);\n",
      aheadUnits: 0,
    });
    assert.equal(read(document, at(0, 0)).snapshot.prefix, "");
    assert.equal(read(document, at(3, 0)).snapshot.suffix, "");
  });

  test(`${name}: what the suggest widget has selected counts as typed`, () => {
    const { document } = createDocument(["a;", "log(cust);"], eol);
    const selected = {
      range: { start: at(1, 4), end: at(1, 8) },
      text: "customers",
    } as unknown as SelectedCompletionInfo;
    const { snapshot, typedAhead } = createSnapshotReader()(document, at(1, 8), selected);
    assert.equal(snapshot.prefix, "a;\nlog(customers");
    assert.equal(snapshot.suffix, ");");
    assert.equal(snapshot.aheadUnits, 5);
    assert.equal(typedAhead, "customers");
  });
}

test("a document with CRLF is read once for each version of it", () => {
  const { document, state } = createDocument(["a", "b"], "\r\n");
  const read = createSnapshotReader();
  for (const character of [0, 1])
    assert.equal(read(document, at(1, character)).snapshot.prefix, "a\nb".slice(0, 2 + character));
  assert.equal(state.reads, 1);
  state.lines = ["new", "b"];
  state.version++;
  assert.equal(read(document, at(1, 1)).snapshot.prefix, "new\nb");
  const other = createDocument(["other", "b"], "\r\n");
  other.state.version = state.version;
  assert.equal(read(other.document, at(1, 0)).snapshot.prefix, "other\n");
});

const isSecret = (file: string) =>
  createSnapshotReader()(createDocument([""], "\n", file).document, at(0, 0)).snapshot.isSecret;

test("what holds keys or passwords by its name is marked so", () => {
  assert.equal(isSecret("/shop/.env.local"), true);
  assert.equal(isSecret("/home/me/.ssh/config"), true);
  assert.equal(isSecret("/shop/environment.ts"), undefined);
});

test("what the workspace's own folders are called says nothing about their files", (t) => {
  hands.reset("/work/secrets", "/work/shop");
  t.after(() => hands.reset());
  assert.equal(isSecret("/work/secrets/a.ts"), undefined);
  assert.equal(isSecret("/work/shop/secrets/a.ts"), true);
});
