import assert from "node:assert/strict";
import { test } from "node:test";
import { createAcceptance, type ShownText } from "../../../src/completion/acceptance.ts";
import type { Suggestion } from "../../../src/completion/engine.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";

const text = "one(two, three);";
const suggestion = (insertText: string): Suggestion => ({
  insertText,
  replaceAfter: 0,
  source: "network",
  origin: "network",
});
const textShown = (offset: number, shown: string, more: Partial<ShownText> = {}): ShownText => ({
  documentId: "a.ts",
  offset,
  text: shown,
  aheadUnits: 0,
  before: "let a = ",
  suggestion: suggestion(shown.replaceAll("\r\n", "\n")),
  ...more,
});

const setUp = (options: { readonly maxFollowed?: number } = {}) => {
  const clock = createFakeClock();
  const events: string[] = [];
  const acceptance = createAcceptance({
    clock,
    ...options,
    onTaken: ({ suggestion: { insertText }, isWhole, isFirst }) =>
      events.push(`${isWhole ? "whole" : "part"}${isFirst ? "" : " again"} ${JSON.stringify(insertText)}`),
    onUndone: ({ insertText }) => events.push(`undone ${JSON.stringify(insertText)}`),
    onKept: ({ insertText }, share) => events.push(`kept ${JSON.stringify(insertText)} ${share}`),
  });
  const edit = (offset: number, removedUnits: number, now: string, cause: "edit" | "undo" | "redo" = "edit") =>
    acceptance.changed("a.ts", [{ offset, removedUnits, text: now }], cause);
  return { clock, acceptance, events, edit };
};

test("a whole accept is followed for 30 s, and what still stands is told", () => {
  const { clock, acceptance, events, edit } = setUp();
  assert.equal(acceptance.shown(textShown(8, text)), true);
  edit(8, 0, text);
  assert.equal(acceptance.lastEdit("a.ts"), "accept");
  acceptance.invoked("a.ts");
  assert.deepEqual(events, [`whole "${text}"`]);
  edit(0, 0, "// above\n");
  edit(8 + 9 + 4, 8, "");
  clock.advance(29_999);
  assert.equal(events.length, 1);
  clock.advance(1);
  assert.deepEqual(events.slice(1), [`kept "${text}" ${8 / 16}`]);
  assert.deepEqual(clock.pending(), []);
});

test("Undo within the time takes an accept back, later it does not", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  acceptance.invoked("a.ts");
  edit(8, text.length, "", "undo");
  assert.deepEqual(events.slice(1), [`undone "${text}"`]);
  assert.deepEqual([clock.pending(), acceptance.lastEdit("a.ts")], [[], "undo"]);
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  acceptance.invoked("a.ts");
  clock.advance(30_000);
  edit(8, text.length, "", "undo");
  assert.deepEqual(events.slice(2), [`whole "${text}"`, `kept "${text}" 1`]);
});

test("what is taken away by hand is changed, not undone", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  acceptance.invoked("a.ts");
  edit(8, text.length, "");
  clock.advance(30_000);
  assert.deepEqual(events.slice(1), [`kept "${text}" 0`]);
});

test("words and lines are parts, counted as one with the whole accept at last", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, "one(");
  assert.equal(acceptance.shown(textShown(12, "two, three);")), false);
  edit(12, 0, "two");
  acceptance.shown(textShown(15, ", three);"));
  edit(15, 0, ", three);");
  acceptance.invoked("a.ts");
  assert.deepEqual(events, ['part "one("', 'part again "two"', 'whole again ", three);"']);
  clock.advance(30_000);
  assert.deepEqual(events.slice(3), ['kept "one(" 1', 'kept "two" 1', 'kept ", three);" 1']);
});

test("a text that another source lengthens is shown by that one, too: it will be what is accepted", () => {
  const { acceptance, edit } = setUp();
  acceptance.shown(textShown(8, "one(", { suggestion: { ...suggestion("one("), origin: "predictor" } }));
  edit(8, 0, "o");
  const longer = { suggestion: suggestion("ne(two, three);") };
  assert.equal(acceptance.shown(textShown(9, "ne(two, three);", longer)), true);
  edit(9, 0, "n");
  assert.equal(acceptance.shown(textShown(10, "e(two, three);")), false);
});

test("a word of one letter is told from typing by who moved the cursor", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, "a, b) => a"));
  edit(8, 0, "a");
  acceptance.moved("a.ts", true);
  edit(9, 0, ",");
  acceptance.moved("a.ts", false);
  acceptance.moved("a.ts", false);
  assert.deepEqual(events, ['part ","']);
});

test("typing along, blanks and brackets that close by themselves take nothing", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, "f()\n  g();"));
  edit(8, 0, "f");
  edit(9, 0, "()");
  assert.equal(acceptance.isRest(textShown(10, ")\n  g();")), true);
  edit(10, 1, ")");
  edit(11, 0, "\n  ");
  assert.equal(acceptance.isRest(textShown(14, "g();")), true);
  acceptance.moved("a.ts", false);
  assert.deepEqual(events, []);
});

test("a word too many is undone, and what is shown then is the rest", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, "one(");
  acceptance.shown(textShown(12, "two, three);"));
  edit(8, 4, "", "undo");
  assert.deepEqual(events, ['part "one("', 'undone "one("']);
  assert.equal(acceptance.isRest(textShown(8, text)), true);
  assert.equal(acceptance.isRest(textShown(8, "else")), false);
});

test("an accept may replace the line from its beginning, and the rest of the line", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(14, "return a;", { before: "    " }));
  edit(10, 4, "    return a;");
  acceptance.invoked("a.ts");
  acceptance.shown(textShown(40, "b);", { suggestion: { ...suggestion("b);"), replaceAfter: 1 } }));
  edit(40, 1, "b);");
  acceptance.invoked("a.ts");
  clock.advance(30_000);
  assert.deepEqual(events, ['whole "return a;"', 'whole "b);"', 'kept "return a;" 1', 'kept "b);" 1']);
});

test("lines end as the document's do, and are told with line feeds", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, "a;\r\nb;"));
  edit(8, 0, "a;\r\nb;");
  acceptance.invoked("a.ts");
  clock.advance(30_000);
  assert.deepEqual(events, ['whole "a;\\nb;"', 'kept "a;\\nb;" 1']);
});

test("what the suggest widget has selected is its own", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(4, "products.list()", { before: "let ", aheadUnits: 8 }));
  edit(4, 4, "products");
  assert.deepEqual([events, acceptance.lastEdit("a.ts")], [[], "other"]);
  assert.equal(acceptance.shown(textShown(12, ".list()")), false);
  edit(12, 0, ".list()");
  acceptance.invoked("a.ts");
  assert.deepEqual(events, ['whole ".list()"']);
});

test("a part that was all that VS Code showed is one whole accept", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, "one;\ntwo;"));
  edit(8, 0, "one;");
  acceptance.invoked("a.ts");
  assert.deepEqual(events, ['part "one;"', 'whole again ""']);
});

test("asking by hand is no accept: behind nothing, behind other edits, in another document, or later", () => {
  const { clock, acceptance, events, edit } = setUp();
  assert.equal(acceptance.invoked("a.ts"), false);
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  assert.equal(acceptance.invoked("b.ts"), false);
  edit(8 + text.length, 0, " ");
  assert.equal(acceptance.invoked("a.ts"), false);
  assert.deepEqual([events, clock.pending()], [[], []]);
});

test("an accept is told once, whoever asks again", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  assert.deepEqual([acceptance.invoked("a.ts"), acceptance.invoked("a.ts")], [true, false]);
  assert.deepEqual(events, [`whole "${text}"`]);
});

test("what was pasted or typed to the end is no accept without its command", () => {
  const { clock, acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  clock.advance(501);
  assert.equal(acceptance.invoked("a.ts"), false);
  assert.deepEqual([events, clock.pending()], [[], []]);
});

test("another way, another place and another document are new on the screen", () => {
  const { acceptance, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, "x");
  assert.equal(acceptance.isRest(textShown(9, text)), false);
  acceptance.shown(textShown(9, text));
  assert.equal(acceptance.isRest(textShown(9, text, { documentId: "b.ts" })), false);
  assert.equal(acceptance.isRest(textShown(8, `xx${text}`)), false);
  // An edit further up moves it, one further down does not.
  acceptance.shown(textShown(40, text));
  edit(0, 0, "//\n");
  edit(200, 5, "");
  assert.equal(acceptance.isRest(textShown(43, text)), true);
});

test("backspacing through a text keeps it", () => {
  const { acceptance, events, edit } = setUp();
  acceptance.shown(textShown(8, text));
  edit(8, 0, "o");
  edit(9, 0, "n");
  edit(9, 1, "");
  assert.equal(acceptance.isRest(textShown(9, text.slice(1))), true);
  edit(9, 0, "ne(");
  assert.deepEqual(events, ['part "ne("']);
});

test("what was taken in part of one source and goes on as another's is counted once for each", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const acceptance = createAcceptance({
    clock,
    onTaken: ({ suggestion: { origin, insertText }, ...how }) => ledger.accepted(origin, insertText.length, how),
    onUndone() {},
    onKept() {},
  });
  const edit = (offset: number, now: string) =>
    acceptance.changed("a.ts", [{ offset, removedUnits: 0, text: now }], "edit");
  const first = { ...suggestion("one(two"), origin: "predictor" } as const;
  acceptance.shown(textShown(8, "one(two", { suggestion: first }));
  edit(8, "one(");
  assert.equal(acceptance.shown(textShown(12, "two, three);")), true, "more of it, from the model");
  edit(12, "two, three);");
  acceptance.invoked("a.ts");
  const taken = ledger
    .snapshot()
    .suggestions.filter(({ acceptedCharacters }) => acceptedCharacters > 0)
    .map(({ source, accepted, acceptedInPart }) => [source, accepted, acceptedInPart]);
  assert.deepEqual(taken, [
    ["predictor", 0, 1],
    ["network", 1, 0],
  ]);
  acceptance.dispose();
});

test("a closed document is let go, and so is the oldest of too many", () => {
  const { clock, acceptance, events, edit } = setUp({ maxFollowed: 2 });
  for (const word of ["first", "second", "third"]) {
    acceptance.shown(textShown(8, word));
    edit(8, 0, word);
    acceptance.invoked("a.ts");
  }
  assert.equal(clock.pending().length, 2);
  clock.advance(30_000);
  assert.deepEqual(events.slice(3), ['kept "second" 1', 'kept "third" 1']);
  acceptance.shown(textShown(8, text));
  edit(8, 0, text);
  acceptance.invoked("a.ts");
  acceptance.closed("a.ts");
  assert.deepEqual([clock.pending(), acceptance.lastEdit("a.ts")], [[], "other"]);
});
