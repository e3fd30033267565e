import assert from "node:assert/strict";
import { test } from "node:test";
import type { TextEditor } from "vscode";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { NextEdit } from "../../../src/nextEdit/nextEdit.ts";
import type { Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { createNextEditModel } = await import("../../../src/host/nextEditModel.ts");

const lines = ["a = 1", "b = 2", "print(b)"];
const setting = { provider: "openai-compatible", baseUrl: "https://example.com/v1", model: "zeta-2" } as const;

/** A model that notes how often it is asked for an edit. */
const setUp = (isMetered: boolean | undefined, file = "/shop/a.py") => {
  hands.reset("/shop");
  const clock = createFakeClock();
  const faults: unknown[] = [];
  let asked = 0;
  const provider = {
    kind: "openai-compatible",
    origin: "https://example.com",
    capabilities: async () => ({ model: "zeta-2", isMetered }),
    async *streamCompletion(): AsyncGenerator<StreamPart> {
      asked++;
      yield { type: "text", text: "" };
    },
  } as unknown as Provider;
  const ask = createNextEditModel({
    clock,
    ledger: createLedger({ clock }),
    source: async () => ({ provider, model: "zeta-2" }),
    onSuccess: () => {},
    onFailure: (error) => void faults.push(error),
  });
  const document = createDocument(Uri.file(file), lines.join("\n"));
  const editor = { document, selection: { active: { line: 1, character: 5 } } } as unknown as TextEditor;
  const nextEdit = {
    lines: () => lines,
    edits: () => [{ line: 1, removed: ["b = 0"], added: ["b = 2"] }],
  } as unknown as NextEdit;
  const change = async (times: number) => {
    const before = asked;
    for (let count = 0; count < times; count++) {
      await ask({ ...setting, moreBaseUrls: [], fallbacks: [] }, editor, nextEdit, new AbortController().signal);
    }
    assert.deepEqual(faults, []);
    return asked - before;
  };
  return { clock, change };
};

test("a model that charges is asked as often in a minute as for ghost text", async () => {
  const { clock, change } = setUp(true);
  assert.equal(await change(25), 20);
  clock.advance(59_999);
  assert.equal(await change(1), 0);
  clock.advance(1);
  assert.equal(await change(25), 20);
});

test("one that costs nothing, or does not say, is asked each time", async () => {
  assert.equal(await setUp(false).change(25), 25);
  assert.equal(await setUp(undefined).change(25), 25);
});

test("none is asked about a document that holds keys by its name", async () => {
  assert.equal(await setUp(false, "/shop/.env").change(1), 0);
});
