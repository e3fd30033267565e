import assert from "node:assert/strict";
import { test } from "node:test";
import { readToolRequest } from "../../../src/assistant/toolRequest.ts";
import type { ChatMessage } from "../../../src/provider/provider.ts";
import { wrapRequest } from "../../fake/toolSession.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const called = (...names: string[]): ChatMessage => ({
  role: "assistant",
  content: "",
  toolCalls: names.map((name, at) => ({ id: `${name}${at}`, name, argumentsJson: "{}" })),
});
const result: ChatMessage = { role: "tool", toolCallId: "1", toolName: "a", content: "<userRequest>no</userRequest>" };

test("of what VS Code's agent sends, the words of the person count", () => {
  const request = readToolRequest([
    { role: "system", content: "You help." },
    user("<environment_info>\nLinux\n</environment_info>"),
    user(wrapRequest("commit my work")),
    called("git_commit", "git_log"),
    result,
    user(`<attachments>\n<userRequest>not this</userRequest>\n</attachments>\n${wrapRequest("and push it")}`),
  ]);
  assert.equal(request.conversation, "commit my work");
  assert.equal(request.words, "and push it");
  assert.deepEqual(request.context, { tools: ["git_commit", "git_log"], previous: ["commit my work"] });
  assert.deepEqual([request.isTurnStart, request.isSummarized], [true, false]);
});

test("where nothing is marked every message of the user counts, in parts or whole", () => {
  const request = readToolRequest([
    {
      role: "user",
      content: [
        { type: "text", text: "look at this" },
        { type: "image", mediaType: "image/png", base64: "" },
      ],
    },
    called("look"),
    result,
    user(" "),
  ]);
  assert.equal(request.conversation.trim(), "look at this");
  assert.equal(request.words.trim(), "look at this");
  assert.equal(request.isTurnStart, false);
});

test("history is bounded: ten calls, three requests", () => {
  const messages = Array.from({ length: 8 }, (_, at) => [user(`request ${at}`), called(`a${at}`, `b${at}`), result]);
  const { context } = readToolRequest(messages.flat());
  assert.equal(context.tools.length, 10);
  assert.equal(context.tools.at(-1), "b7");
  assert.deepEqual(context.previous, ["request 4", "request 5", "request 6"]);
});

test("attached tools are those that VS Code lists and those behind a #", () => {
  const listed = `<toolReferences>\nThese tools are likely relevant:\n- fetch_webpage \n- mcp_a.b_c-d\n</toolReferences>\n${wrapRequest("use #fetch_webpage, not a#b or ##c, and #read_file")}`;
  assert.deepEqual(readToolRequest([user(listed)]).attached, ["fetch_webpage", "mcp_a.b_c-d", "read_file"]);
  assert.deepEqual(readToolRequest([user("fix #42 with #run_tests")]).attached, ["42", "run_tests"]);
});

test("a summary in the place of a conversation's beginning is seen", () => {
  const summary = user("<conversation-summary>\nMuch was done.\n</conversation-summary>");
  const request = readToolRequest([
    user("<environment_info>\n</environment_info>"),
    summary,
    user(wrapRequest("go on")),
  ]);
  assert.equal(request.isSummarized, true);
  assert.equal(request.conversation, "go on");
});

test("nothing said is nothing asked", () => {
  const empty = {
    conversation: "",
    words: "",
    context: { tools: [], previous: [] },
    attached: [],
    isTurnStart: true,
    isSummarized: false,
  };
  assert.deepEqual(readToolRequest([]), empty);
  assert.deepEqual(readToolRequest([{ role: "system", content: "x" }]), empty);
});
