import assert from "node:assert/strict";
import { test } from "node:test";
import { createSnooze } from "../../../src/host/snooze.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { person } from "../../fake/vscode.ts";

const { showGhostTextMenu } = await import("../../../src/commands/ghostTextMenu.ts");

test("the menu says where ghost text comes from, and leads to the set-up", async () => {
  person.reset({ take: "Set up a provider" });
  await showGhostTextMenu(createSnooze(createFakeClock()), () => true, {
    completion: undefined,
    predictorEnabled: true,
  });
  const row = person.list("Hotpath ghost text")?.choices.find((choice) => choice.includes("Set up a provider"));
  assert.ok(row?.includes("From the embedded predictor alone; no model server is set up"), row);
  assert.deepEqual(person.commands, [["hotpath.setUpProvider"]]);
});
