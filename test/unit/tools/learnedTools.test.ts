import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelector } from "../../../src/tools/selector.ts";
import { createRandom, sampleTools } from "./sampleTools.ts";

const dayMs = 24 * 60 * 60 * 1000;
const requests = ["brew some coffee", "water the plants", "feed the cat", "read the file", "brew tea"];

const trained = (rounds = 40) => {
  const selector = createSelector(sampleTools);
  const random = createRandom(5);
  for (let round = 0; round < rounds; round++) {
    const at = Math.floor(random() * requests.length);
    const before = random() < 0.5 ? [] : ["git/git_log"];
    selector.select(requests.join(" "), 5, { tools: before, previous: [`${round}`] });
    selector.learn(requests[at]!, [sampleTools[at]!.id], { tools: before, previous: [] });
  }
  return selector;
};

test("words that no tool has lead to the tool that was used for them", () => {
  const selector = createSelector(sampleTools);
  assert.deepEqual(selector.select("brew coffee", 5), []);
  selector.learn("please brew some coffee", ["web/click"]);
  assert.equal(selector.select("coffee, brewed strong", 5)[0], "web/click");
});

test("what is used in most requests is no sign of a single word", () => {
  const selector = createSelector(sampleTools);
  for (const word of ["alpha", "beta", "gamma", "delta", "omega"]) {
    selector.learn(word, ["git/git_log"]);
    selector.learn(`${word} sigma`, ["git/git_log", "web/click"]);
  }
  assert.equal(selector.select("sigma", 2)[0], "web/click");
});

test("a tool that follows another one is expected after it", () => {
  const selector = createSelector(sampleTools);
  for (const word of ["xa", "xb", "xc"])
    selector.learn(word, ["files/list_directory"], { tools: ["git/git_commit"], previous: [] });
  assert.equal(selector.select("qqq", 3, { tools: ["git/git_commit"], previous: [] })[0], "files/list_directory");
});

test("unknown ids and empty uses teach nothing", () => {
  const selector = createSelector(sampleTools);
  selector.learn("brew coffee", ["nowhere/nothing"]);
  selector.learn("brew coffee", []);
  assert.deepEqual(selector.select("brew coffee", 5), []);
  assert.equal(selector.serialize(0).requests, 0);
});

test("restoring gives the same lists and the same state", () => {
  const selector = trained();
  const state = JSON.parse(JSON.stringify(selector.serialize(1_000))) as unknown;
  const again = createSelector(sampleTools);
  assert.equal(again.restore(state, 1_000), true);
  assert.deepEqual(again.serialize(1_000), state);
  const random = createRandom(6);
  for (let round = 0; round < 100; round++) {
    const request = `${requests[Math.floor(random() * 5)]} ${requests[Math.floor(random() * 5)]}`;
    const context = random() < 0.5 ? undefined : { tools: ["git/git_log"], previous: [] };
    assert.deepEqual(again.select(request, 5, context), selector.select(request, 5, context));
  }
});

test("what was learned of a server that is not there yet waits for it", () => {
  const state = trained().serialize(0);
  const later = createSelector(sampleTools.filter(({ server }) => server === "git"));
  assert.equal(later.restore(state, 0), true);
  assert.deepEqual(later.select("brew coffee", 5), []);
  assert.deepEqual(later.serialize(0), state);
  later.add(sampleTools.filter(({ server }) => server === "files"));
  assert.equal(later.select("brew coffee", 5)[0], sampleTools[0]!.id);
});

test("what was learned fades with time and is forgotten in the end", () => {
  const state = trained().serialize(0);
  const month = createSelector(sampleTools);
  month.restore(state, 30 * dayMs);
  assert.ok(Math.abs(month.serialize(0).requests - state.requests / 2) < 1e-9);
  const years = createSelector(sampleTools);
  years.restore(state, 1_000 * dayMs);
  assert.deepEqual(years.serialize(0).words, []);
  assert.deepEqual(years.select("brew coffee", 5), []);
});

test("what is no state is refused, and what was learned stays", () => {
  const selector = trained();
  const state = selector.serialize(0);
  const { tools } = state;
  const broken: unknown[] = [
    undefined,
    null,
    "{}",
    [],
    {},
    { ...state, version: 2 },
    { ...state, requests: Number.NaN },
    { ...state, requests: -1 },
    { ...state, savedAtMs: "today" },
    { ...state, tools: [1] },
    { ...state, uses: [] },
    { ...state, words: [["a", 1, [tools.length, 1]]] },
    { ...state, words: [["a", 1, [0]]] },
    { ...state, words: [[7, 1, []]] },
    { ...state, words: {} },
    { ...state, transitions: [[-2, 1, []]] },
    { ...state, transitions: [[0.5, 1, []]] },
  ];
  for (const value of broken) assert.equal(selector.restore(value, 0), false, JSON.stringify(value));
  assert.deepEqual(selector.serialize(0), state);
});

test("however much is learned, the state stays in bounds", () => {
  const selector = createSelector(sampleTools);
  const random = createRandom(9);
  for (let round = 0; round < 6_000; round++) {
    selector.learn(`w${round}x${"abcdefgh"[round % 8]} common`, [
      sampleTools[Math.floor(random() * sampleTools.length)]!.id,
    ]);
  }
  for (let round = 0; round < 60; round++) {
    const words = Array.from(
      { length: 200 },
      (_, at) =>
        `v${"abcdefgh"[at % 8]}${"ijklmnop"[(at >> 3) % 8]}${"qrst"[at >> 6]}${"uvwxyz"[round % 6]}${"abcdefghij"[Math.floor(round / 6)]}`,
    );
    selector.learn(words.join(" "), ["git/git_log"]);
  }
  const state = selector.serialize(0);
  assert.ok(state.requests <= 2_000, String(state.requests));
  assert.ok(state.words.length <= 8_192);
  assert.ok(JSON.stringify(state).length < 1_000_000);
});
