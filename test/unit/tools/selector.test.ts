import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelector, type Tool } from "../../../src/tools/selector.ts";
import { createRandom, sampleTools } from "./sampleTools.ts";

const vocabulary =
  "read write file list directory git commit history search internet page picture click delete move zebra '".split(" ");

const randomRequest = (random: () => number): string =>
  Array.from({ length: Math.floor(random() * 8) }, () => vocabulary[Math.floor(random() * vocabulary.length)]).join(
    " ",
  );

test("the tool whose name and description fit comes first", () => {
  const selector = createSelector(sampleTools);
  assert.equal(selector.select("read a file", 3)[0], "files/readFile");
  assert.equal(selector.select("show me the history of my commits", 3)[0], "git/git_log");
  assert.equal(selector.select("clicking that element", 3)[0], "web/click");
});

test("synonyms find a tool, but a tool with the word itself comes before", () => {
  const selector = createSelector(sampleTools);
  assert.equal(selector.select("erase it", 3)[0], "files/delete_file");
  assert.equal(selector.select("enumerate the folder", 3)[0], "files/list_directory");
  const both = createSelector([
    { id: "b", name: "erase", description: "Erase things.", parameters: {} },
    { id: "a", name: "remove", description: "Remove things.", parameters: {} },
  ]);
  assert.deepEqual(both.select("remove", 2), ["a", "b"]);
});

const plain = (id: string, name: string, description: string): Tool => ({ id, name, description, parameters: {} });

test("a word of the request counts once for a tool, whatever synonyms stand in the tool or in the request", () => {
  const inTool = createSelector([plain("z", "zebra", "stripes"), plain("f", "find", "search")]);
  assert.deepEqual(inTool.select("find zebra", 2), ["z", "f"]);
  const inRequest = createSelector([plain("z", "zebra", "stripes"), plain("f", "find", "coins")]);
  assert.deepEqual(inRequest.select("find search zebra", 2), ["z", "f"]);
});

test("what stands in one tool's name lifts no other tool", () => {
  const tools = [
    plain("a", "zebra", "x"),
    plain("c", "pear", "lion"),
    plain("b", "apple", "zebra"),
    plain("d", "lion", "x"),
  ];
  const list = createSelector(tools).select("zebra lion", 4);
  assert.deepEqual(list, ["a", "d", "c", "b"]);
});

test("of a very long request the beginning counts", () => {
  const distinct = Array.from(
    { length: 300 },
    (_, at) => `q${"abcdefghij"[at % 10]}${"klmnopqrst"[Math.floor(at / 10) % 10]}${"uvw"[Math.floor(at / 100)]}`,
  );
  assert.deepEqual(createSelector(sampleTools).select(`${distinct.join(" ")} read the file`, 5), []);
  assert.equal(createSelector(sampleTools).select(`read the file ${distinct.join(" ")}`, 5)[0], "files/readFile");
});

test("lists are in bounds: known ids, each once, at most k, the same for the same calls", () => {
  const first = createSelector(sampleTools);
  const second = createSelector(sampleTools);
  const ids = new Set(sampleTools.map(({ id }) => id));
  const random = createRandom(1);
  for (let round = 0; round < 300; round++) {
    const request = randomRequest(random);
    const k = Math.floor(random() * 15);
    const tools = sampleTools.filter(() => random() < 0.1).map(({ id }) => id);
    const context = random() < 0.5 ? undefined : { tools, previous: [] };
    const list = first.select(request, k, context);
    assert.ok(list.length <= k);
    assert.equal(new Set(list).size, list.length);
    assert.ok(list.every((id) => ids.has(id)));
    assert.deepEqual(second.select(request, k, context), list);
    if (random() < 0.3) {
      first.learn(request, list.slice(0, 2), context);
      second.learn(request, list.slice(0, 2), context);
    }
  }
});

test("a shorter list is the beginning of a longer one", () => {
  const random = createRandom(2);
  for (let round = 0; round < 50; round++) {
    const request = randomRequest(random);
    const all = createSelector(sampleTools).select(request, 100);
    for (const k of [1, 2, 5]) assert.deepEqual(createSelector(sampleTools).select(request, k), all.slice(0, k));
  }
});

test("odd requests and numbers give short or empty lists, not errors", () => {
  const selector = createSelector(sampleTools);
  assert.deepEqual(selector.select("", 5), []);
  assert.deepEqual(selector.select("the of and 😀 ''", 5), []);
  for (const k of [0, -1, Number.NaN]) assert.deepEqual(selector.select("read file", k), []);
  assert.equal(selector.select("read file", 2.9).length, 2);
  assert.ok(selector.select("read file", Number.POSITIVE_INFINITY).length > 2);
  assert.equal(selector.select(`read a file ${"lorem ipsum dolor ".repeat(10_000)}`, 1)[0], "files/readFile");
  assert.deepEqual(createSelector([]).select("read file", 5), []);
});

test("odd tools do no harm", () => {
  const loop: Record<string, unknown> = { type: "object" };
  loop["properties"] = { again: loop, value: { enum: [1, "one", undefined] } };
  const huge = {
    properties: Object.fromEntries(
      Array.from({ length: 5_000 }, (_, at) => [`p${at}`, { description: "x ".repeat(500) }]),
    ),
  };
  const selector = createSelector([
    { id: "loop", name: "loop", description: "goes round", parameters: loop },
    { id: "huge", name: "huge", description: "has everything", parameters: huge },
    ...[undefined, null, "text", 3, [], { properties: [] }].map((parameters, at) => ({
      id: `odd${at}`,
      name: `odd${at}`,
      description: "strange",
      parameters,
    })),
    { id: "天气", name: "查询天气", description: "查询城市的天气", parameters: {} },
    { id: "__proto__", name: "constructor", description: "hasOwnProperty", parameters: {} },
    { id: "empty", name: "", description: "", parameters: {} },
  ]);
  assert.equal(selector.select("北京天气", 3)[0], "天气");
  assert.equal(selector.select("constructor", 3)[0], "__proto__");
  assert.equal(selector.select("strange", 10).length, 6);
});

test("of several tools with one id the last counts", () => {
  const selector = createSelector([
    { id: "a", name: "apple", description: "first", parameters: {} },
    { id: "a", name: "banana", description: "second", parameters: {} },
  ]);
  assert.equal(selector.size(), 1);
  assert.deepEqual(selector.select("banana", 5), ["a"]);
  assert.deepEqual(selector.select("apple", 5), []);
  assert.equal(selector.tool("a")?.name, "banana");
});

test("servers added one by one give the same lists as all at once", () => {
  const grown = createSelector([]);
  for (const server of ["files", "git", "web"]) grown.add(sampleTools.filter((tool) => tool.server === server));
  const whole = createSelector(sampleTools);
  const random = createRandom(3);
  for (let round = 0; round < 100; round++) {
    const request = randomRequest(random);
    assert.deepEqual(grown.select(request, 10), whole.select(request, 10));
  }
});

test("a tool that was taken out is not selected, not even from a cache, until it is there again", () => {
  const selector = createSelector(sampleTools);
  const before = selector.select("read a file", 5);
  assert.ok(before.includes("files/readFile"));
  selector.remove(["files/readFile", "unknown"]);
  assert.ok(!selector.select("read a file", 5).includes("files/readFile"));
  assert.equal(selector.has("files/readFile"), false);
  selector.add(sampleTools.filter(({ id }) => id === "files/readFile"));
  assert.deepEqual(selector.select("read a file", 5), before);
});

test("sync adds what is new or changed, takes out what is gone, and leaves an unchanged list alone", () => {
  const selector = createSelector(sampleTools);
  assert.equal(selector.sync(structuredClone(sampleTools)), false);
  const changed = sampleTools
    .slice(1)
    .map((tool): Tool => (tool.name === "click" ? Object.assign({}, tool, { description: "Taste wine." }) : tool));
  assert.equal(selector.sync(changed), true);
  assert.equal(selector.has("files/readFile"), false);
  assert.equal(selector.select("wine", 3)[0], "web/click");
  assert.equal(selector.size(), changed.length);
});

test("tools of the server in use are lifted, more so of the last call", () => {
  const twins: Tool[] = ["left", "right"].map((server) => ({
    id: `${server}/open`,
    name: "open",
    description: "Open it.",
    parameters: {},
    server,
  }));
  const selector = createSelector(twins);
  assert.deepEqual(selector.select("open", 2), ["left/open", "right/open"]);
  assert.deepEqual(selector.select("open", 2, { tools: ["right/open"], previous: ["a"] }), ["right/open", "left/open"]);
  assert.deepEqual(selector.select("open", 2, { tools: ["right/open", "left/open"], previous: ["b"] }), [
    "left/open",
    "right/open",
  ]);
  const often = { tools: ["left/open", "left/open", "right/open"], previous: ["c"] };
  assert.deepEqual(selector.select("open", 2, often), ["right/open", "left/open"]);
});

test("where lists come from is counted once each", () => {
  const selector = createSelector(sampleTools);
  const start = { tools: [], previous: [] };
  selector.select("read file", 5, start);
  assert.equal(selector.lastSource(), "words");
  selector.select("read file", 5, start);
  assert.equal(selector.lastSource(), "exact");
  selector.select("read file", 5, { tools: ["files/readFile"], previous: [] });
  assert.equal(selector.lastSource(), "context");
  selector.learn("read file", ["files/readFile"], start);
  selector.select("read file", 5, start);
  assert.equal(selector.lastSource(), "learned");
  assert.deepEqual(selector.stats(), { exactHits: 1, contextHits: 1, learnedHits: 1, misses: 1 });
});

test("a turn keeps its list while tools are called, and a turn with another history has its own", () => {
  const selector = createSelector(sampleTools);
  const turn = { tools: [], previous: ["hello"] };
  const list = selector.select("now open the file", 5, turn);
  selector.learn("now open the file", ["web/click"], turn);
  assert.deepEqual(selector.select("now open the file", 5, { tools: ["git/git_log"], previous: ["hello"] }), list);
  const other = selector.select("now open the file", 5, { tools: ["git/git_log"], previous: ["bye"] });
  assert.notDeepEqual(other, list);
});
