import assert from "node:assert/strict";
import { test } from "node:test";
import type * as vscode from "vscode";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { ChatRequest, StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { ChatResponseTurn, createToken, Uri, world } from "../../fake/vscodeChat.ts";

const { answerChat } = await import("../../../src/host/chatParticipant.ts");

/** What the model was sent last. */
let lastSent = "";
const provider = {
  kind: "llamacpp",
  capabilities: async () => ({ model: "coder", contextTokens: 4096 }),
  async *streamChat({ messages }: ChatRequest): AsyncGenerator<StreamPart> {
    const content = messages.at(-1)?.content;
    lastSent = typeof content === "string" ? content : "";
    yield { type: "text", text: "Fine." };
    yield { type: "end", reason: "stop", usage: {} };
  },
};

/** What is answered to a message behind these earlier turns. */
const answerTo = async (
  command: string | undefined,
  prompt: string,
  history: readonly ChatResponseTurn[],
  references: readonly object[] = [],
): Promise<string> => {
  const services = {
    ledger: createLedger({ clock: createFakeClock() }),
    setting: () => ({ provider: "llamacpp", baseUrl: "http://127.0.0.1:1", model: "" }) as const,
    source: async () => ({ provider, model: "coder" }),
    onSuccess: () => {},
  };
  let answer = "";
  const response = { markdown: (text: string) => void (answer += text), reference() {}, button() {} };
  const request = { command, prompt, references };
  await answerChat(
    services as unknown as Parameters<typeof answerChat>[0],
    request as unknown as vscode.ChatRequest,
    { history } as unknown as vscode.ChatContext,
    response as unknown as vscode.ChatResponseStream,
    createToken() as unknown as vscode.CancellationToken,
  );
  return answer;
};

const commit = (diff: (isStaged: boolean) => Promise<string>, ...references: readonly object[]): Promise<string> => {
  world.reset();
  world.diff = diff;
  return answerTo("commit", "", [], references);
};

const explain = (history: readonly ChatResponseTurn[]) => answerTo("explain", "what is this", history);

const change = (path: string) =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -0,0 +1 @@\n+KEY=1\n`;

test("a commit without changes, with unreadable and with secret ones are three things to say", async () => {
  assert.equal(await commit(async () => ""), "Git tells of no uncommitted changes. Make or stage some first.");
  const unread = "The uncommitted changes could not be read. Run `git diff` in a terminal to see what Git says.";
  // As with a file that Git may not read.
  assert.equal(await commit(() => Promise.reject(new Error("Failed to execute git"))), unread);
  assert.equal(await commit(async () => "KEY=1, written by another program\n"), unread);
  assert.equal(
    await commit(async () => change("deploy/.env")),
    "The uncommitted changes look like keys or passwords and are not sent: deploy/.env.",
  );
});

test("a secret file that was attached is no change", async () => {
  const attached = { id: "file", value: new Uri("/shop/.env") };
  assert.equal(
    await commit(async () => "", attached),
    "Git tells of no uncommitted changes. Make or stage some first.",
  );
});

test("a commit where there is no repository says that, once Git has looked for one", async () => {
  const none =
    /^VS Code has no Git repository open here\. Initialize one[^]*VS Code's Git extension and its setting `git\.enabled`/;
  world.reset();
  assert.match(await answerTo("commit", "", []), none);
  world.onGitFound = (found) => {
    world.diff = async () => "";
    found();
  };
  assert.match(await answerTo("commit", "", []), /^Git tells of no uncommitted changes\./);
});

test("plain words behind tests mean those tests, unless something new is there to test", async () => {
  world.reset();
  const turn = [
    { role: "user", content: "material\n\nRequest: Write tests" },
    { role: "assistant", content: "test()" },
  ];
  const tests = new ChatResponseTurn({ metadata: { task: "tests", turn } });
  const talk = new ChatResponseTurn({ metadata: { task: "chat", turn } });
  const say = async (words: string, history: readonly ChatResponseTurn[], references: readonly object[] = []) => {
    await answerTo(undefined, words, history, references);
    return lastSent;
  };
  const shorter = "make the tests shorter";
  assert.equal(await say(shorter, [tests]), `Request: ${shorter}`);
  assert.equal(await say(shorter, [tests, talk]), `Request: ${shorter}`);
  const asCommand = /^Request: Write tests for this code[^]*In their own words: make the tests shorter$/;
  assert.match(await say(shorter, []), asCommand);
  assert.match(await say(shorter, [new ChatResponseTurn({ metadata: { task: "docs", turn } })]), asCommand);
  const unanswered = new ChatResponseTurn({ metadata: { task: "tests" } });
  assert.match(await say(shorter, [unanswered]), asCommand, "nothing came that could be meant");
  assert.match(await say("/tests shorter", [tests]), /^Request: Write tests[^]*In their own words: shorter$/);
  assert.match(await say("tests", [tests]), /^Request: Write tests/);
  await answerTo("tests", shorter, [tests]);
  assert.match(lastSent, asCommand, "who picks the command wants it");
});

test("words that want another commit message are told when there is nothing to commit any more", async () => {
  world.reset();
  world.diff = async (isStaged) => (isStaged ? change("a.ts") : "");
  const turn = [
    { role: "user", content: "material\n\nRequest: Write a commit message" },
    { role: "assistant", content: "Add a" },
  ];
  const history = [new ChatResponseTurn({ metadata: { task: "commit", turn } })];
  const words = "write a commit message";
  assert.equal(await answerTo(undefined, words, history), "Fine.");
  assert.match(lastSent, /^Uncommitted changes of shop:[^]*Request: Write a commit message/);
  world.diff = async () => "";
  assert.equal(
    await answerTo(undefined, words, history),
    "Git tells of no uncommitted changes. Make or stage some first.",
  );
  world.diff = () => Promise.reject(new Error("Failed to execute git"));
  assert.match(await answerTo(undefined, words, history), /^The uncommitted changes could not be read\./);
});

test("attached text is something new to work on", async () => {
  world.reset();
  const turn = [
    { role: "user", content: "material\n\nRequest: Write tests" },
    { role: "assistant", content: "test()" },
  ];
  const history = [new ChatResponseTurn({ metadata: { task: "tests", turn } })];
  await answerTo(undefined, "write tests for this", history, [{ id: "text", value: "let other = 1;" }]);
  assert.match(lastSent, /^Note: attached:[^]*let other = 1;[^]*Request: Write tests for this code/);
});

test("what no longer fits is counted, and one message is one", async () => {
  world.reset();
  const turn = [
    { role: "user", content: "x".repeat(20_000) },
    { role: "assistant", content: "y" },
  ];
  const earlier = new ChatResponseTurn({ metadata: { turn } });
  const rest = "no longer fits into the model's 4,096 tokens and was left out.*\n\nFine.";
  assert.equal(await explain([earlier]), `*The oldest message ${rest}`);
  assert.match(await explain([earlier, earlier]), /^\*The oldest 2 messages no longer fit into /);
});
