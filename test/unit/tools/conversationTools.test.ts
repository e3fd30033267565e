import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFindTools, createConversationTools, describeTools } from "../../../src/tools/conversationTools.ts";
import { createSelector } from "../../../src/tools/selector.ts";
import { createRandom, sampleTools } from "./sampleTools.ts";

const core = ["files/readFile", "web/search"];

const create = (options: Partial<Parameters<typeof createConversationTools>[0]> = {}) => {
  const selector = createSelector(sampleTools);
  return { selector, lists: createConversationTools({ selector, core, count: 2, ...options }) };
};

test("the core comes first, then what the first request needs", () => {
  const { lists } = create();
  const { ids, firstCount, added, isPrefixKept } = lists.listFor(
    "hi",
    "commit my changes, then show the diff of commits",
  );
  assert.deepEqual(ids.slice(0, 2), core);
  assert.deepEqual(ids.slice(2).toSorted(), ["git/git_commit", "git/git_diff"]);
  assert.equal(firstCount, 4);
  assert.deepEqual(added, ids);
  assert.equal(isPrefixKept, true);
});

test("core tools that are ranked take no place from others, and those that are not there are left out", () => {
  const { lists } = create({ core: [...core, "gone/tool"] });
  const { ids } = lists.listFor("hi", "read a file and write a file, and move a file");
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids).size, 4);
});

test("later requests change nothing by themselves, whatever they ask for", () => {
  const { lists } = create();
  const first = lists.listFor("hi", "commit my changes").ids;
  const random = createRandom(1);
  for (let turn = 0; turn < 20; turn++) {
    const request = sampleTools[Math.floor(random() * sampleTools.length)]!.description;
    const { ids, added } = lists.listFor("hi", request, { tools: ["web/click"], previous: ["x"] });
    assert.deepEqual(ids, first);
    assert.deepEqual(added, []);
  }
});

test("a list only grows at its end, whatever happens", () => {
  const { lists } = create({ laterCount: 1 });
  const random = createRandom(2);
  const keys = ["a", "b", "c"];
  const last = new Map<string, readonly string[]>();
  for (let step = 0; step < 300; step++) {
    const key = keys[Math.floor(random() * 3)]!;
    const request = sampleTools[Math.floor(random() * sampleTools.length)]!.description;
    if (random() < 0.5) lists.find(key, { query: request });
    const { ids, firstCount } = lists.listFor(key, request);
    const before = last.get(key) ?? [];
    assert.deepEqual(ids.slice(0, before.length), before);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(firstCount <= ids.length);
    last.set(key, ids);
  }
  assert.ok([...last.values()].some((ids) => ids.length > 6));
});

test("what a later request may add is added once, and told", () => {
  const { lists } = create({ laterCount: 1 });
  const first = lists.listFor("hi", "commit my changes");
  const second = lists.listFor("hi", "click the element of the page");
  assert.deepEqual(second.added, ["web/click"]);
  assert.equal(second.firstCount, first.firstCount);
  assert.ok(!lists.listFor("hi", "click the element of the page").added.includes("web/click"));
});

test("find_tools lists tools with their parameters and appends them", () => {
  const { lists } = create();
  const before = lists.listFor("hi", "commit my changes").ids;
  const { text, append } = lists.find("hi", { query: "take a picture of the page" });
  assert.equal(append[0], "web/take_screenshot");
  assert.match(text, /- take_screenshot: Take a picture of the page\./);
  assert.match(text, /parameters: \{"type":"object"/);
  assert.deepEqual(lists.listFor("hi", "x").ids, [...before, ...append]);
});

test("find_tools says what is there already, what does not fit, and what was not asked rightly", () => {
  const selector = createSelector(sampleTools);
  const known = answerFindTools(selector, { query: "click" }, new Set(["web/click"]));
  assert.match(known.text, /already have click/);
  assert.ok(!known.append.includes("web/click"));
  assert.deepEqual(answerFindTools(selector, { query: "zzz" }, new Set()).append, []);
  assert.match(answerFindTools(selector, { query: "zzz" }, new Set()).text, /No other tool fits/);
  for (const input of [undefined, null, 3, {}, { query: 4 }, { query: "  " }, []]) {
    assert.deepEqual(answerFindTools(selector, input, new Set()).append, []);
    assert.match(answerFindTools(selector, input, new Set()).text, /Give "query"/);
  }
  assert.equal(answerFindTools(selector, "click", new Set()).append[0], "web/click");
});

test("a tool that is gone leaves the list, and that is told once", () => {
  const { selector, lists } = create();
  const { ids } = lists.listFor("hi", "commit my changes");
  selector.remove(["git/git_commit"]);
  const after = lists.listFor("hi", "go on");
  assert.deepEqual(
    after.ids,
    ids.filter((id) => id !== "git/git_commit"),
  );
  assert.equal(after.isPrefixKept, false);
  assert.equal(after.firstCount, ids.length - 1);
  assert.equal(lists.listFor("hi", "go on").isPrefixKept, true);
});

test("lists and the number of conversations are bounded; the one used last is kept", () => {
  const { lists } = create({ maxTools: 5, maxConversations: 3 });
  for (const tool of sampleTools) lists.find("hi", { query: tool.description });
  assert.equal(lists.listFor("hi", "x").ids.length, 5);
  for (let at = 0; at < 50; at++) {
    lists.listFor(`c${at}`, "commit my changes");
    lists.listFor("hi", "x");
  }
  assert.equal(lists.size, 3);
  assert.equal(lists.listFor("hi", "x").ids.length, 5);
});

test("descriptions for a model are cut to a length and to one line", () => {
  const text = describeTools([
    { id: "a", name: "a", description: `one\ntwo ${"x".repeat(5_000)}`, parameters: { note: "y".repeat(9_000) } },
  ]);
  assert.ok(text.length < 3_000);
  assert.match(text, /^- a: one two x+…\n {2}parameters: /);
});
