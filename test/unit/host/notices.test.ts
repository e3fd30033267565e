import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { person } from "../../fake/vscode.ts";

const { createNotices } = await import("../../../src/host/notices.ts");

const fail = () => Promise.reject(new Error("no place for keys"));

test("a button that fails is told of in the log", async () => {
  const lines: string[] = [];
  const log = { ...silentLog, error: (line: string) => void lines.push(line), show() {} };
  person.reset({ press: "Set API key" });
  createNotices(log).warnOnce("The server wants a key.", { actions: [{ label: "Set API key", run: fail }] });
  await nextTurn();
  assert.deepEqual(lines, ["A notice's button failed: Error: no place for keys"]);
});
