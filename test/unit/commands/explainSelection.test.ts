import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ExplainOptions } from "../../../src/commands/explainSelection.ts";
import type { Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock, type FakeClock } from "../../fake/clock.ts";
import { commands, person, window } from "../../fake/vscode.ts";

const { createAnswerDocuments, explainSelection } = await import("../../../src/commands/explainSelection.ts");

const names = () => person.commands.map(([name]) => name);

/** Has this explained, by a provider that streams these parts. */
const explain = async (clock: FakeClock, streamChat: () => AsyncGenerator<StreamPart>): Promise<boolean> => {
  window.activeTextEditor = {
    selection: undefined,
    document: { getText: () => "const a = 1;", uri: { path: "/src/a.ts" }, languageId: "typescript" },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Nothing else is asked of it.
  const provider = { kind: "llamacpp", capabilities: async () => ({ model: "m" }), streamChat } as unknown as Provider;
  const documents = createAnswerDocuments(clock);
  try {
    return await explainSelection({ clock, provider, model: "m", documents, ledger: createLedger({ clock }) });
  } finally {
    window.activeTextEditor = undefined;
  }
};
const end = { type: "end", reason: "stop", usage: {} } as const;

test("with nothing selected nobody is asked, and nothing counts as answered", async () => {
  person.reset();
  assert.equal(await explainSelection({} as ExplainOptions), false);
  assert.deepEqual(person.said(), ["Select the code to explain first."]);
});

test("an answer is drawn once more when no more comes, since the preview may not have listened before", async () => {
  person.reset();
  const clock = createFakeClock();
  const isAnswered = await explain(clock, async function* () {
    yield { type: "text", text: "An answer," };
    clock.advance(999);
    assert.deepEqual(names(), ["markdown.showPreviewToSide"], "not while the preview may be drawing");
    clock.advance(1);
    assert.equal(names().at(-1), "markdown.preview.refresh", "also when the rest is long in coming");
    clock.advance(8500);
    yield { type: "text", text: " and its end." };
    clock.advance(400);
    yield end;
  });
  assert.equal(isAnswered, true);
  assert.equal(names().length, 2);
  clock.advance(60_000);
  assert.deepEqual(names().slice(2), ["markdown.preview.refresh"], "once for the end, and never again");
  assert.deepEqual(clock.pending(), []);
});

test("a preview that is slow to open gets more time to listen, but not for ever", async (t) => {
  for (const [openingMs, redrawnAfterMs] of [
    [900, 3600],
    [9000, 10_000],
  ] as const) {
    const clock = createFakeClock();
    let refreshed = 0;
    t.mock.method(commands, "executeCommand", (name: string) => {
      if (name === "markdown.showPreviewToSide") clock.advance(openingMs);
      else refreshed++;
      return Promise.resolve();
    });
    await explain(clock, async function* () {
      yield { type: "text", text: "An answer." };
      yield end;
    });
    clock.advance(redrawnAfterMs - 1);
    assert.equal(refreshed, 0, `${openingMs} ms`);
    clock.advance(1);
    assert.equal(refreshed, 1, `${openingMs} ms`);
    t.mock.reset();
  }
});

test("no page has the address of one from before a reload, which VS Code may have brought back", () => {
  const [before, after] = [createFakeClock(), createFakeClock()]
    .map(createAnswerDocuments)
    .map((documents) => String(documents.create("Explanation of a.ts").uri));
  assert.notEqual(before, after);
  assert.ok(after?.endsWith("/Explanation of a.ts.md"), "the last part is the preview's title");
});

test("a preview is not drawn once the documents are gone, and one that cannot be drawn is nobody's fault", async (t) => {
  person.reset();
  const clock = createFakeClock();
  const documents = createAnswerDocuments(clock);
  t.mock.method(commands, "executeCommand", () => Promise.reject(new Error("no preview")));
  documents.refreshAfter(1000);
  clock.advance(60_000);
  // An unheard rejection would fail the test.
  await nextTurn();
  t.mock.reset();
  documents.refreshAfter(1000);
  documents.dispose();
  assert.deepEqual(clock.pending(), []);
});
