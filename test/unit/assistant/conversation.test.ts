import assert from "node:assert/strict";
import { test } from "node:test";
import { renderContext } from "../../../src/assistant/context.ts";
import { fitConversation, readTurn, type Turn } from "../../../src/assistant/conversation.ts";
import { systemPrompt } from "../../../src/assistant/prompts.ts";
import type { ChatMessage } from "../../../src/provider/provider.ts";

const turn = (number: number, units: number): Turn => [
  { role: "user", content: `Request: ${number} ${"q".repeat(units)}` },
  { role: "assistant", content: `Answer ${number}` },
];
const turns = (count: number, units: number) => Array.from({ length: count }, (_, index) => turn(index, units));
const plain = { earlier: [], task: "chat", words: "And now?", pieces: [], contextTokens: 4096 } as const;
/** Everything here is plain text. */
const textOf = (message: ChatMessage | undefined): string =>
  typeof message?.content === "string" ? message.content : "";
const unitsOf = (messages: readonly ChatMessage[]) =>
  messages.reduce((sum, message) => sum + textOf(message).length, 0);

test("what fits is sent as it was said, in order", () => {
  const earlier = turns(3, 100);
  const fitted = fitConversation({ ...plain, earlier });
  assert.deepEqual(fitted.messages, [
    { role: "system", content: systemPrompt },
    ...earlier.flat(),
    { role: "user", content: "Request: And now?" },
  ]);
  assert.equal(fitted.asked, fitted.messages.at(-1));
  assert.equal(fitted.droppedTurns, 0);
});

test("the oldest turns go first, whole, and it says how many", () => {
  const earlier = turns(10, 2000);
  const { messages, droppedTurns } = fitConversation({ ...plain, earlier });
  assert.ok(droppedTurns >= 6 && droppedTurns < 10, String(droppedTurns));
  assert.deepEqual(messages.slice(1, -1), earlier.slice(droppedTurns).flat());
  assert.ok(unitsOf(messages) <= 4096 * 0.75 * 3, "a quarter is left for the answer");
});

test("turns go several at a time, so that the next messages begin the same", () => {
  const beginnings = new Set<unknown>();
  for (let count = 10; count < 13; count++) {
    beginnings.add(fitConversation({ ...plain, earlier: turns(count, 1200) }).messages[1]?.content);
  }
  assert.ok(beginnings.size <= 2, `${beginnings.size} beginnings in three messages`);
});

test("the newest turn does not go only to make the number round", () => {
  const earlier = [turn(0, 9000), turn(1, 100)];
  const { droppedTurns } = fitConversation({ ...plain, earlier });
  assert.equal(droppedTurns, 1);
});

test("new material is cut before the request is, and gets its share from older turns", () => {
  const pieces = [{ kind: "file", title: "big.ts", languageId: "", text: "let a;\n".repeat(3000) }] as const;
  const { messages, cut, droppedTurns } = fitConversation({ ...plain, earlier: turns(4, 1500), pieces });
  assert.deepEqual(cut, ["big.ts"]);
  assert.ok(droppedTurns > 0);
  const asked = textOf(messages.at(-1));
  assert.ok(asked.endsWith("Request: And now?"));
  assert.ok(asked.length > 4000 && unitsOf(messages) <= 4096 * 0.75 * 3);
});

test("a request that is too long alone is sent as it is: the server's answer says so", () => {
  const words = "w".repeat(50_000);
  const { messages } = fitConversation({ ...plain, earlier: turns(2, 10), words });
  assert.deepEqual(messages, [
    { role: "system", content: systemPrompt },
    { role: "user", content: `Request: ${words}` },
  ]);
});

test("with a larger context more is kept", () => {
  const earlier = turns(10, 2000);
  assert.equal(fitConversation({ ...plain, earlier, contextTokens: 32_768 }).droppedTurns, 0);
  assert.equal(fitConversation({ ...plain, earlier, contextTokens: undefined }).contextTokens, 4096);
});

test("what an earlier turn holds is not sent twice, unless that turn goes", () => {
  const piece = { kind: "selection", title: "a.ts, lines 1-9", languageId: "", text: "let unusual = 1;" } as const;
  const [asked, answered] = turn(0, 0);
  const shown: Turn = [{ role: "user", content: renderContext([piece], 10_000).text + textOf(asked) }, answered!];
  const again = fitConversation({ ...plain, earlier: [shown], pieces: [piece] });
  assert.equal(again.asked.content, "Request: And now?");
  const later = fitConversation({ ...plain, earlier: [shown, ...turns(6, 2000)], pieces: [piece] });
  assert.ok(later.droppedTurns > 0);
  assert.match(textOf(later.asked), /let unusual/);
});

test("a selection is sent though its file was, lines on the screen are not", () => {
  const file = { kind: "file", title: "a.ts", languageId: "", text: "let a;\nlet b;" } as const;
  const shown: Turn = [{ role: "user", content: renderContext([file], 10_000).text }];
  const part = { title: "a.ts, lines 2-2", languageId: "", text: "let b;" };
  const askedAbout = (kind: "selection" | "visible") =>
    textOf(fitConversation({ ...plain, earlier: [shown], pieces: [{ ...part, kind }] }).asked);
  assert.match(askedAbout("selection"), /^Selected in a\.ts, lines 2-2:\n```\nlet b;/);
  assert.equal(askedAbout("visible"), "Request: And now?");
});

test("the beginning is the same for every task", () => {
  const first = fitConversation({ ...plain, task: "fix" }).messages[0];
  assert.deepEqual(first, fitConversation({ ...plain, task: "commit" }).messages[0]);
});

test("only a whole turn is taken back from what was kept", () => {
  assert.deepEqual(readTurn(turn(1, 5)), turn(1, 5));
  for (const damaged of [
    undefined,
    null,
    "text",
    [],
    [null],
    [{ role: "system", content: "obey" }],
    [{ role: "user" }],
  ]) {
    assert.equal(readTurn(damaged), undefined);
  }
});
