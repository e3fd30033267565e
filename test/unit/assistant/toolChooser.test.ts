import assert from "node:assert/strict";
import { test } from "node:test";
import { createToolChooser } from "../../../src/assistant/toolChooser.ts";
import { textOf } from "../../../src/assistant/toolRequest.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { noToolSelections } from "../../../src/metrics/toolTally.ts";
import type { ChatMessage, ChatRequest, ToolCall, ToolDefinition } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { wrapRequest } from "../../fake/toolSession.ts";
import { sampleTools } from "../tools/sampleTools.ts";

const tool = (
  name: string,
  description = "",
  parameters: object = { type: "object", properties: {} },
): ToolDefinition => ({
  name,
  description,
  parameters,
});
const tools: readonly ToolDefinition[] = [
  ...sampleTools.map(({ name, description, parameters }) => tool(name, description, parameters as object)),
  ...Array.from({ length: 20 }, (_, at) => tool(`unit_${at}`, `Converts unit ${at} into another one.`)),
  tool("read_file", "Reads lines."),
  tool("run_in_terminal", "Runs a program."),
];
const user = (content: string): ChatMessage => ({ role: "user", content });
const call = (id: string, name: string): ToolCall => ({ id, name, argumentsJson: "{}" });
const calling = (...toolCalls: ToolCall[]): ChatMessage => ({ role: "assistant", content: "", toolCalls });
const result = (toolCallId: string): ChatMessage => ({ role: "tool", toolCallId, toolName: "x", content: "ok" });

const search = (id: string, query: string): ToolCall => ({
  id,
  name: "find_tools",
  argumentsJson: JSON.stringify({ query }),
});
/** A message with an attached tool, as VS Code's agent sends it. */
const attach = (words: string, name: string): ChatMessage =>
  user(`<toolReferences>\nThe user attached these:\n- ${name}\n</toolReferences>\n${wrapRequest(words)}`);

const create = ({ count = 4, isOn = true } = {}) => {
  const ledger = createLedger({ clock: createFakeClock() });
  let lessons = 0;
  const chooser = createToolChooser({
    ledger,
    count: () => (isOn ? count : undefined),
    onLearned: () => void lessons++,
  });
  /** One request of VS Code's: the model makes these calls, or none. */
  const ask = (messages: readonly ChatMessage[], calls: readonly ToolCall[] = [], more: Partial<ChatRequest> = {}) => {
    const turn = chooser.begin({ messages, tools, ...more });
    const sent = turn.request();
    const shown = calls.map((made) => turn.take(made));
    const goesOn = turn.heard("");
    const after = turn.request();
    chooser.end(turn, !goesOn);
    return { sent, names: (sent.tools ?? []).map(({ name }) => name), shown, goesOn, after };
  };
  return { ask, chooser, totals: () => ledger.snapshot().tools ?? noToolSelections, lessons: () => lessons };
};

test("a conversation gets the core, what its first request needs, and the way to more", () => {
  const { names } = create().ask([user("commit my changes")]);
  assert.deepEqual(names.slice(0, 4), ["find_tools", "call_tool", "read_file", "run_in_terminal"]);
  assert.equal(names[4], "git_commit");
  assert.ok(names.length <= 8, names.join());
});

test("few tools, required ones, none wanted, a name of ours taken, or the setting off: all go as they are", () => {
  const few = tools.slice(0, 6);
  const { ask, totals } = create();
  const request = [user("commit my changes")];
  for (const more of [
    { tools: few },
    { toolChoice: "required" },
    { toolChoice: "none" },
    { tools: [...tools, tool("call_tool")] },
    { tools: [] },
  ] as const) {
    const { sent } = ask(request, [], more);
    assert.deepEqual(sent, { messages: request, tools, ...more });
  }
  assert.deepEqual(create({ isOn: false }).ask(request).sent, { messages: request, tools });
  assert.equal(totals().bySource.words.selections, 0);
});

test("attached tools are always there: declared at first, told later", () => {
  const { ask } = create();
  const first = [attach("commit my changes", "unit_17")];
  assert.ok(ask(first).names.includes("unit_17"));
  const second = [...first, { role: "assistant", content: "Done." } as const, attach("show the history", "unit_3")];
  const { sent, names } = ask(second);
  assert.ok(!names.includes("unit_3"));
  assert.match(textOf(sent.messages.at(-1)!), /^These tools can be used with call_tool:\n- unit_3: /);
});

test("a later request changes nothing that was sent: what it needs is told behind it, once", () => {
  const { ask } = create();
  const first = [user("commit my changes")];
  const one = ask(first);
  const second = [...first, { role: "assistant", content: "Done." } as const, user("take a picture of the page")];
  const two = ask(second, [call("c1", "take_screenshot")]);
  assert.deepEqual(two.sent.tools, one.sent.tools);
  assert.deepEqual(two.sent.messages.slice(0, 3), second);
  assert.deepEqual(
    two.sent.messages.slice(3).map(({ role }) => role),
    ["assistant", "tool"],
  );
  assert.match(textOf(two.sent.messages[4]!), /- take_screenshot: /);
  const three = ask([...second, calling(call("c1", "take_screenshot")), result("c1")]);
  assert.deepEqual(three.sent.messages, [...two.sent.messages, calling(call("c1", "take_screenshot")), result("c1")]);
});

test("what was found once can be called in every later request, and is not told again", () => {
  const { ask, totals } = create();
  const first = [user("commit my changes")];
  const picture = "take a picture of the page";
  const one = ask(first, [search("s", picture)]);
  assert.deepEqual([one.shown, one.goesOn], [[undefined], true]);
  assert.match(textOf(one.after.messages.at(-1)!), /- take_screenshot: /);
  const second = [...first, { role: "assistant", content: "Done." } as const, user("take a picture of the page")];
  const two = ask(second, [
    { id: "c", name: "call_tool", argumentsJson: '{"name":"take_screenshot","arguments":{}}' },
    search("s2", picture),
  ]);
  assert.deepEqual(two.sent.messages.slice(0, 3), one.after.messages.slice(0, 3));
  assert.equal(two.shown[0]?.name, "take_screenshot");
  const again = two.sent.messages.slice(4).map(textOf);
  assert.ok(again.every((text) => !text.includes("- take_screenshot: ")));
  const { bySource, searches } = totals();
  const counts = Object.values(bySource);
  assert.equal(searches, 2);
  assert.equal(
    counts.reduce((sum, { callsListed }) => sum + callsListed, 0),
    1,
  );
});

test("a tool that VS Code no longer offers stays declared, and its call is an error", () => {
  const { ask } = create();
  const first = [user("commit my changes")];
  const one = ask(first, [call("1", "git_commit")]);
  const left = tools.filter(({ name }) => name !== "git_commit");
  const two = ask([...first, calling(call("1", "git_commit")), result("1")], [call("2", "git_commit")], {
    tools: left,
  });
  assert.deepEqual(two.sent.tools, one.sent.tools);
  assert.deepEqual(two.shown, [undefined]);
  assert.match(textOf(two.after.messages.at(-1)!), /There is no tool "git_commit"/);
});

test("tools that come or change later leave the declared ones alone, and can be told", () => {
  const { ask } = create();
  const first = [user("commit my changes")];
  const one = ask(first);
  const changed = [
    ...tools.filter(({ name }) => name !== "git_commit"),
    tool("git_commit", "Record staged changes, and sign them.", { properties: { key: { type: "string" } } }),
    tool("git_sign", "Signs the staged changes."),
  ];
  const { sent } = ask([...first, { role: "assistant", content: "Done." }, user("sign the staged changes")], [], {
    tools: changed,
  });
  assert.deepEqual(sent.tools, one.sent.tools);
  const told = textOf(sent.messages.at(-1)!);
  assert.match(told, /- git_sign: /);
  assert.match(told, /- git_commit: Record staged changes, and sign them\.\n {2}arguments: \{key\?: string\}/);
});

test("a conversation that went on in an earlier window keeps all that it uses", () => {
  const { ask } = create();
  const used = Array.from({ length: 8 }, (_, at) => call(`c${at}`, `unit_${at}`));
  const { names } = ask([user("click the element"), calling(...used), ...used.map(({ id }) => result(id))]);
  assert.ok(used.every(({ name }) => names.includes(name)));
  assert.ok(names.includes("click"));
});

test("a conversation that VS Code has summarized keeps its tools, from then on by its new beginning", () => {
  const { ask } = create();
  const one = ask([user("commit my changes")]);
  const summary = user("<conversation-summary>\nChanges were committed.\n</conversation-summary>");
  const start = [summary, user(wrapRequest("click the element"))];
  assert.deepEqual(ask(start).names, one.names);
  assert.notDeepEqual(ask([user("take a picture of the page")]).names, one.names);
  assert.deepEqual(ask([...start, calling(call("1", "click")), result("1")]).names, one.names);
});

test("a second question in the same turn brings other tools", () => {
  const { ask } = create();
  const { after } = ask(
    [user("commit my changes")],
    ["a", "b"].map((id) => search(id, "convert a unit")),
  );
  const [first = [], second = []] = after.messages
    .slice(2)
    .map((message) => [...textOf(message).matchAll(/^- (\w+): /gm)].map(([, name]) => name));
  assert.ok(first.length > 15, first.join());
  assert.ok(second.every((name) => !first.includes(name)));
});

test("a turn teaches which tools it used, when it is over", () => {
  const { ask, chooser, lessons } = create();
  const first = [user("tidy the attic")];
  ask(first, [call("1", "unit_9")]);
  assert.equal(lessons(), 0);
  const second = [...first, calling(call("1", "unit_9")), result("1")];
  ask(second, [call("2", "unit_8")]);
  ask([...second, calling(call("2", "unit_8")), result("2")]);
  assert.equal(lessons(), 1);
  const { names } = ask([user("tidy the attic again")]);
  assert.deepEqual(names.slice(4, 6).toSorted(), ["unit_8", "unit_9"]);
  const state = chooser.serialize(0);
  const other = create();
  assert.equal(other.chooser.restore(JSON.parse(JSON.stringify(state)), 0), true);
  assert.ok(other.ask([user("tidy the attic")]).names.includes("unit_9"));
  assert.equal(other.chooser.restore({ version: 7 }, 0), false);
});

test("a turn that was broken off teaches nothing until the next one begins", () => {
  const { ask, lessons } = create();
  const first = [user("tidy the attic")];
  ask(first, [call("1", "unit_9")]);
  assert.equal(lessons(), 0);
  const second = [...first, { role: "assistant", content: "Stopped." } as const, user("commit my changes")];
  ask(second, [call("2", "git_commit")]);
  assert.equal(lessons(), 1);
});

test("requests of one turn count as hits with the recall they gave, and tokens left out are counted once", () => {
  const { ask, totals } = create();
  const first = [user("commit my changes")];
  ask(first, [call("1", "git_commit"), call("2", "unit_19")]);
  const saved = totals().promptTokensSaved;
  assert.ok(saved > 300, `${saved}`);
  ask(
    [...first, calling(call("1", "git_commit"), call("2", "unit_19")), result("1"), result("2")],
    [call("3", "git_diff")],
  );
  const { bySource, promptTokensSaved } = totals();
  assert.deepEqual(bySource.words, { selections: 1, calls: 2, callsListed: 1 });
  assert.equal(bySource.context.selections, 1);
  assert.equal(bySource.context.calls, 1);
  assert.equal(promptTokensSaved, saved);
});

test("each choice counts under where it came from: words, the same question, its turn, what was learned", () => {
  const { ask, totals } = create();
  const first = [user("commit my changes")];
  const selections = () => Object.values(totals().bySource).map((counts) => counts.selections);
  ask(first, [call("1", "git_commit")]);
  ask(first, [call("1", "git_commit")]);
  const second = [...first, calling(call("1", "git_commit")), result("1")];
  ask(second);
  ask([...second, { role: "assistant", content: "Done." }, user("take a picture of the page")]);
  assert.deepEqual(Object.keys(totals().bySource), ["exact", "context", "learned", "words"]);
  assert.deepEqual(selections(), [1, 1, 1, 1]);
});

test("another answer to the same message begins with what was said for the first, up to a point", () => {
  const { ask } = create();
  const first = [user("commit my changes")];
  const one = ask(first, [search("s0", "convert a unit")]);
  const two = ask(first, [search("s1", "click the element")]);
  assert.deepEqual(two.sent.messages, one.after.messages);
  assert.deepEqual(ask(first).sent.messages, two.after.messages);
  for (let at = 2; at < 40; at++) {
    assert.ok(ask(first, [search(`s${at}`, "convert a unit")]).after.messages.length <= 1 + 28);
  }
});

test("hundreds of conversations and questions stay bounded", () => {
  const { ask, chooser } = create();
  const startMany = (from: number, to: number) => {
    for (let at = from; at < to; at++) ask([user(`commit my changes ${at}`)], [search("s", "convert a unit")]);
    return chooser.sizeBytes();
  };
  const someBytes = startMany(100, 200);
  assert.ok(startMany(200, 400) < someBytes * 1.5, "the oldest are forgotten");
  const messages: ChatMessage[] = [user("click the element")];
  for (let at = 0; at < 200; at++) {
    ask(messages, [search(`s${at}`, `unit ${at % 20}`)]);
    messages.push({ role: "assistant", content: `Done ${at}.` }, user(`convert unit ${at % 20}`));
  }
  const { sent } = ask(messages);
  assert.ok(sent.messages.length < messages.length + 64 * 4 + 2, `${sent.messages.length}`);
});

test("giving memory back forgets selections, then the oldest conversations, and nothing that was learned", () => {
  const { ask, chooser, totals } = create();
  assert.equal(chooser.sizeBytes(), 0);
  const first = [user("tidy the attic")];
  ask(first, [call("1", "unit_9")]);
  ask([...first, calling(call("1", "unit_9")), result("1")]);
  const one = ask([user("commit my changes")], [search("s", "convert a unit")]);
  const wholeBytes = chooser.sizeBytes();
  assert.ok(wholeBytes > 2_000, String(wholeBytes));
  chooser.shrink(wholeBytes - 1);
  assert.ok(chooser.sizeBytes() < wholeBytes);
  chooser.shrink(chooser.sizeBytes() - 1);
  // The newest is still known: it goes on with what was said.
  const answered = [user("commit my changes"), { role: "assistant", content: "Done." } as const, user("go on")];
  assert.deepEqual(ask(answered).sent.messages.slice(0, 3), one.after.messages);
  chooser.shrink(0);
  assert.equal(chooser.sizeBytes(), 0);
  const before = totals().bySource.learned.selections;
  assert.ok(ask([user("the attic is not tidy")]).names.includes("unit_9"));
  assert.equal(totals().bySource.learned.selections, before + 1);
});

test("a request of the conversation that offers no tools gets none", () => {
  const { ask } = create();
  const first = [user("commit my changes")];
  ask(first);
  const second = [...first, { role: "assistant", content: "Done." } as const, user("what is the title")];
  assert.deepEqual(ask(second, [], { tools: [] }).sent, { messages: second, tools: [] });
});
