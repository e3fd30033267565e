import assert from "node:assert/strict";
import { test } from "node:test";
import type * as vscode from "vscode";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createToken, world } from "../../fake/vscodeChat.ts";

const { answerChat } = await import("../../../src/host/chatParticipant.ts");

const never = () => Promise.reject(new Error("nobody is to be asked"));

/** What is answered to `/commit`, when Git's extension answers so. */
const commit = async (diff: (isStaged: boolean) => Promise<string>): Promise<string> => {
  world.reset();
  world.diff = diff;
  const services = {
    ledger: createLedger({ clock: createFakeClock() }),
    faults: never,
    setting: () => ({ provider: "llamacpp", baseUrl: "http://127.0.0.1:1", model: "" }) as const,
    source: never,
    onSuccess: () => {},
  };
  let answer = "";
  const response = { markdown: (text: string) => void (answer += text), reference() {}, button() {} };
  const request = { command: "commit", prompt: "", references: [] };
  await answerChat(
    services as unknown as Parameters<typeof answerChat>[0],
    request as unknown as vscode.ChatRequest,
    { history: [] },
    response as unknown as vscode.ChatResponseStream,
    createToken() as unknown as vscode.CancellationToken,
  );
  return answer;
};

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
