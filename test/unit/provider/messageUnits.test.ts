import assert from "node:assert/strict";
import { test } from "node:test";
import { messageUnits, toolUnits } from "../../../src/provider/messageUnits.ts";

test("a message holds its text, its calls, and so many units for each image", () => {
  assert.equal(messageUnits({ role: "system", content: "12345" }, 100), 5);
  const text = { type: "text", text: "123" } as const;
  const image = { type: "image", mediaType: "image/png", base64: "x".repeat(5_000) } as const;
  assert.equal(messageUnits({ role: "user", content: [text, image, text, image] }, 100), 206);
  const toolCalls = [{ id: "1", name: "look", argumentsJson: "{}" }];
  assert.equal(messageUnits({ role: "assistant", content: "12", toolCalls }, 100), 8);
  assert.equal(messageUnits({ role: "tool", toolCallId: "1", toolName: "look", content: "1234" }, 100), 4);
});

test("tools hold what they are described by, and none hold nothing", () => {
  const parameters = { type: "object" };
  const one = toolUnits([{ name: "read", description: "x".repeat(500), parameters }]);
  assert.ok(one > 500 && one < 600, String(one));
  assert.equal(toolUnits([]), 0);
  assert.equal(toolUnits(undefined), 0);
});
