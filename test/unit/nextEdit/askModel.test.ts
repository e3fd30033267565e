import assert from "node:assert/strict";
import { test } from "node:test";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { askModel, editOfAnswer } from "../../../src/nextEdit/askModel.ts";
import type { ModelInput } from "../../../src/nextEdit/modelInput.ts";
import { findModelFormat } from "../../../src/nextEdit/modelFormats.ts";
import { applyPlace } from "../../../src/nextEdit/rule.ts";
import type { StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createProviderHarness } from "../provider/harness.ts";

const lines = ["a = 1", "b = 2", "print(a)", "print(b)"];
const input: ModelInput = {
  path: "x.py",
  lines,
  cursor: { line: 1, column: 5 },
  edits: [{ line: 1, removed: ["b = 0"], added: ["b = 2"] }],
};
const whole = { from: 0, to: 4 };

/** The document after the offer, or undefined. */
const after = (newLines: readonly string[] | undefined, editable = whole, of = input): string | undefined => {
  const edit = editOfAnswer(of, editable, newLines);
  return edit && applyPlace(of.lines.join("\n"), edit);
};

test("an answer becomes the smallest edit inside of the editable lines", () => {
  assert.equal(after(["a = 1", "b = 2", "print(a)", "print(b + 1)"]), "a = 1\nb = 2\nprint(a)\nprint(b + 1)");
  assert.deepEqual(editOfAnswer(input, whole, [...lines.slice(0, 3), "print(b + 1)"]), {
    line: 3,
    column: 7,
    endLine: 3,
    endColumn: 7,
    text: " + 1",
  });
  assert.equal(after(["b = 2", "c = 3", "print(a)"], { from: 1, to: 3 }), "a = 1\nb = 2\nc = 3\nprint(a)\nprint(b)");
  assert.equal(after(["a = 1", "b = 2", "print(a)"]), "a = 1\nb = 2\nprint(a)");
  assert.equal(after([...lines, "done()"]), `${lines.join("\n")}\ndone()`);
  assert.equal(after(["x"], { from: 0, to: 4 }), "x");
});

test("what says nothing new, too much or nothing clean is not offered", () => {
  assert.equal(after(lines), undefined);
  assert.equal(after(undefined), undefined);
  assert.equal(after(["", " "]), undefined);
  assert.equal(after([...lines, ...Array.from({ length: 41 }, () => "x")]), undefined);
  assert.equal(after([...lines, "x".repeat(4001)]), undefined);
  assert.equal(after([...lines, "bell \u0007"]), undefined);
  assert.equal(after([...lines, "two\u2028lines"]), undefined);
  assert.equal(after([...lines, "turned \u202e round"]), undefined);
  assert.equal(after([...lines, "\ttab"]), `${lines.join("\n")}\n\ttab`);
});

test("what was changed just now is not taken back, and text at the cursor is left to ghost text", () => {
  assert.equal(after(["a = 1", "b = 0", "print(a)", "print(b)"]), undefined);
  assert.equal(after(["a = 1", "b = 2 + a", "print(a)", "print(b)"]), undefined);
  assert.equal(after(["a = 1", "b = 3", "print(a)", "print(b)"]), "a = 1\nb = 3\nprint(a)\nprint(b)");
});

test("no surrogate pair is cut in two", () => {
  const emoji: ModelInput = { ...input, lines: ["x 😀 y"], cursor: { line: 0, column: 0 }, edits: [] };
  const edit = editOfAnswer(emoji, { from: 0, to: 1 }, ["x 😁 y"]);
  assert.deepEqual(edit, { line: 0, column: 2, endLine: 0, endColumn: 4, text: "😁" });
});

test("lines that are too long for any family are sent nowhere", async () => {
  const long: ModelInput = { ...input, lines: ["x".repeat(100_000), ...lines], cursor: { line: 0, column: 0 } };
  for (const model of ["zeta", "zeta-2", "zeta-2.1", "sweep-next-edit", "instinct"]) {
    const provider = { kind: "llamacpp", origin: "http://127.0.0.1:1" } as never;
    const format = findModelFormat(model)!;
    const { signal } = new AbortController();
    assert.equal(await askModel(long, { provider, model, format, ledger: newLedger(), signal }), undefined);
  }
});

const newLedger = () => createLedger({ clock: createFakeClock() });

test("a model is asked in its own marks, and its answer becomes an edit", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: {
      modelPath: "/models/zeta-2.gguf",
      complete: () => "a = 1\nb = 2\nprint(a)\nprint(b, a)\n>>>>>>> UPDATED\n",
      tokenDelayMs: 0,
    },
  });
  const ledger = newLedger();
  const format = findModelFormat("zeta-2")!;
  const signal = new AbortController().signal;
  const edit = await askModel(input, { provider, model: "zeta-2", format, ledger, signal });
  assert.deepEqual(edit, { line: 3, column: 7, endLine: 3, endColumn: 7, text: ", a" });
  const sent = JSON.parse((await server.nextRequest("/completion")).body) as { prompt: string; stop: string[] };
  const question = format.ask(input);
  assert.equal(sent.prompt, question?.kind === "raw" && question.prompt);
  assert.deepEqual(sent.stop, [">>>>>>> UPDATED"]);
  const [row] = ledger.snapshot().requests;
  assert.equal(row?.outcome, "ok");
});

/** A provider that says these parts. */
const saying = (parts: Iterable<StreamPart>) => ({
  kind: "llamacpp" as const,
  origin: "http://127.0.0.1:1",
  async *streamChat() {
    yield* parts;
  },
});

const askInstinct = async (parts: Iterable<StreamPart>) => {
  const ledger = newLedger();
  const provider = saying(parts) as never;
  const format = findModelFormat("instinct")!;
  const { signal } = new AbortController();
  const edit = await askModel(input, { provider, model: "instinct", format, ledger, signal });
  assert.equal(ledger.runningCount(), 0);
  return edit;
};
/** An answer that never ends. */
function* endless(): Generator<StreamPart> {
  while (true) yield { type: "text", text: "x".repeat(1000) };
}

const stop = { type: "end", reason: "stop", usage: {} } as const;

test("an answer that was cut off, is empty or never ends changes nothing", async () => {
  const text = { type: "text", text: "a = 1\nb = 2\nprint(a)\nprint(c)" } as const;
  assert.ok(await askInstinct([text, stop]));
  assert.equal(await askInstinct([text, { ...stop, reason: "length" }]), undefined);
  assert.equal(await askInstinct([text]), undefined);
  assert.equal(await askInstinct([{ type: "text", text: "\n" }, stop]), undefined);
  assert.equal(await askInstinct(endless()), undefined);
});
