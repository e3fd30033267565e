import assert from "node:assert/strict";
import { test } from "node:test";
import { messageUnits } from "../../../src/provider/messageUnits.ts";

test("a message holds its text, its calls, and so many units for each image", () => {
  assert.equal(messageUnits({ role: "system", content: "12345" }, 100), 5);
  const text = { type: "text", text: "123" } as const;
  const image = { type: "image", mediaType: "image/png", base64: "x".repeat(5_000) } as const;
  assert.equal(messageUnits({ role: "user", content: [text, image, text, image] }, 100), 206);
  const toolCalls = [{ id: "1", name: "look", argumentsJson: "{}" }];
  assert.equal(messageUnits({ role: "assistant", content: "12", toolCalls }, 100), 8);
  assert.equal(messageUnits({ role: "tool", toolCallId: "1", toolName: "look", content: "1234" }, 100), 4);
});
