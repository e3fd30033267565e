import assert from "node:assert/strict";
import { test } from "node:test";
import { requestsKept, withLessMemory } from "../../../src/host/lowMemorySettings.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";

const read = (values: Record<string, unknown>) => parseSettings((name) => values[name]).settings;

test("while memory is low everything takes less, and the rest of the settings stays", () => {
  const wished = read({ "completion.provider": "llamacpp" });
  const { predictorMaxBytes, connectionsPerServer, relatedFiles, ...rest } = withLessMemory(wished);
  assert.deepEqual([predictorMaxBytes, connectionsPerServer, relatedFiles], [64 * 2 ** 20, 8, false]);
  assert.deepEqual({ ...wished, ...rest }, wished);
  assert.ok(requestsKept(true) < requestsKept(false));
});

test("what the settings keep smaller stays as small", () => {
  const { predictorMaxBytes, connectionsPerServer } = withLessMemory(
    read({ "predictor.memoryMb": 32, "network.connectionsPerServer": 2 }),
  );
  assert.deepEqual([predictorMaxBytes, connectionsPerServer], [32 * 2 ** 20, 2]);
});
