import assert from "node:assert/strict";
import { test } from "node:test";
import { env, person } from "../../fake/vscode.ts";

const { openSettings } = await import("../../../src/host/openSettings.ts");

test("a remote window opens the page of the remote machine, where machine settings stand", async () => {
  person.reset();
  await openSettings("hotpath.chat");
  env.remoteName = "ssh-remote";
  await openSettings("hotpath.chat");
  assert.deepEqual(person.commands, [
    ["workbench.action.openSettings", { query: "hotpath.chat" }],
    ["workbench.action.openRemoteSettings", { query: "hotpath.chat" }],
  ]);
});
