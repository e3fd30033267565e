import assert from "node:assert/strict";
import { test } from "node:test";
import { processorDevice } from "../../../src/hardware/devices.ts";
import { factsFromRow, findModel } from "../../../src/hardware/models.ts";
import { batchTips } from "../../../src/host/batchTips.ts";

test("a model is found under the name that requests use and the one that its server lists", () => {
  const facts = factsFromRow(findModel("Qwen2.5-Coder 7B")!, "Q4_K_M");
  const models = [{ id: "qwen", facts }, { id: "other" }] as never;
  const tips = batchTips({ device: processorDevice("Processor", 32 * 2 ** 30), models }, (text) => text);
  assert.deepEqual([...tips.keys()], ["qwen:latest"]);
});
