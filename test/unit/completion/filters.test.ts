import assert from "node:assert/strict";
import { test } from "node:test";
import { filterCompletion } from "../../../src/completion/filters.ts";

/**
 * One golden case: `document` shows the cursor as ‸; `text` is what was proposed; `shown` is the document after
 * accepting, with the inserted text between ⟦ and ⟧ and what it overwrites struck out as ~x~. undefined: nothing shown.
 */
type Case = {
  name: string;
  document: string;
  text: string;
  shown: string | undefined;
  languageId?: string;
  multiline?: boolean;
};

const cases: Case[] = [
  // Nothing may be cut.
  {
    name: "keeps a plain rest of line",
    document: "const total = ‸\n",
    text: "a + b;",
    shown: "const total = ⟦a + b;⟧\n",
  },
  {
    name: "keeps a whole block at a line end",
    document: "if (x) {‸\n}\n",
    text: "\n  run();\n  stop();",
    shown: "if (x) {⟦\n  run();\n  stop();⟧\n}\n",
    multiline: true,
  },
  {
    name: "keeps brackets that the text opens itself",
    document: "const f = ‸\n",
    text: "call(a[0], { b: 1 });",
    shown: "const f = ⟦call(a[0], { b: 1 });⟧\n",
  },
  {
    name: "keeps the closer of a bracket that stands open before the cursor",
    document: "run(‸\n",
    text: "value);",
    shown: "run(⟦value);⟧\n",
  },
  {
    name: "keeps a closing brace when nothing below closes the block",
    document: "function f() {\n  a();\n‸",
    text: "}",
    shown: "function f() {\n  a();\n⟦}⟧",
  },
  {
    name: "keeps the closer that is awaited when the code below closes other brackets only",
    document: "function f() {\n  const now = Date.now(‸\n  }\n}\n",
    text: ")",
    shown: "function f() {\n  const now = Date.now(⟦)⟧\n  }\n}\n",
  },
  {
    name: "keeps text before an unrelated rest of line",
    document: "foo(‸ + 1)\n",
    text: "bar",
    shown: "foo(⟦bar⟧ + 1)\n",
  },
  {
    name: "keeps brackets in strings",
    document: "const s = ‸\n",
    text: 'open("(");',
    shown: 'const s = ⟦open("(");⟧\n',
  },
  {
    name: "keeps an apostrophe in prose",
    document: "‸\n",
    text: "it's (almost) done",
    shown: "⟦it's (almost) done⟧\n",
    languageId: "markdown",
  },
  {
    name: "keeps two equal lines in a row",
    document: "‸\n",
    text: "a();\na();",
    shown: "⟦a();\na();⟧\n",
    multiline: true,
  },
  {
    name: "keeps a code fence in Markdown",
    document: "Text\n‸\n",
    text: "```ts\nlet a;\n```",
    shown: "Text\n⟦```ts\nlet a;\n```⟧\n",
    languageId: "markdown",
    multiline: true,
  },
  { name: "keeps leading white space", document: "return‸\n", text: " value;", shown: "return⟦ value;⟧\n" },
  { name: "keeps a whole surrogate pair", document: "say(‸)\n", text: '"😀"', shown: 'say(⟦"😀"⟧)\n' },
  { name: "keeps HTML tags", document: "‸\n", text: "<s>old</s>", shown: "⟦<s>old</s>⟧\n", languageId: "html" },
  {
    name: "keeps tabs",
    document: "\tif ok {‸\n\t}\n",
    text: "\n\t\treturn nil",
    shown: "\tif ok {⟦\n\t\treturn nil⟧\n\t}\n",
    languageId: "go",
    multiline: true,
  },
  { name: "keeps one equal letter at the seam", document: "let ‸s\n", text: "class", shown: "let ⟦class⟧s\n" },
  {
    name: "keeps a Python block",
    document: "def f(a):‸\n",
    text: "\n    return a\n",
    shown: "def f(a):⟦\n    return a⟧\n",
    languageId: "python",
    multiline: true,
  },
  {
    name: "keeps a comment with an unclosed bracket",
    document: "‸\n",
    text: "run(); // (see below",
    shown: "⟦run(); // (see below⟧\n",
  },

  {
    name: "keeps the bracket that closes the text's own call",
    document: "console.log(‸)\n",
    text: "foo(bar)",
    shown: "console.log(⟦foo(bar)⟧)\n",
  },
  {
    name: "keeps the bracket that closes the text's own call before a block",
    document: "if (‸) {\n",
    text: "isReady(x)",
    shown: "if (⟦isReady(x)⟧) {\n",
  },
  {
    name: "keeps the quote that closes the text's own string",
    document: 'log("‸")\n',
    text: '" + x + "',
    shown: 'log("⟦" + x + "⟧")\n',
  },

  // Doubled brackets and the rest of the line.
  {
    name: "cuts a closer that stands behind the cursor already",
    document: "run(‸)\n",
    text: "a, b)",
    shown: "run(⟦a, b⟧)\n",
  },
  {
    name: "cuts closer and semicolon that stand there already",
    document: "run(‸);\n",
    text: "a, b);",
    shown: "run(⟦a, b⟧);\n",
  },
  {
    name: "overwrites an auto-closed bracket when more follows it",
    document: "if (‸)\n",
    text: "ready) {",
    shown: "if (⟦ready) {⟧~)~\n",
  },
  {
    name: "overwrites an auto-closed quote and bracket",
    document: 'import("‸")\n',
    text: 'node:fs");',
    shown: 'import("⟦node:fs");⟧~")~\n',
  },
  {
    name: "overwrites the word that the text repeats",
    document: "con‸sole\n",
    text: "sole.log(1);",
    shown: "con⟦sole.log(1);⟧~sole~\n",
  },
  {
    name: "shows nothing when the rest of the line says it already",
    document: "return ‸value;\n",
    text: "value",
    shown: undefined,
  },
  {
    name: "cuts the tail that the line goes on with",
    document: "const a = ‸ + offset;\n",
    text: "base + offset;",
    shown: "const a = ⟦base⟧ + offset;\n",
  },
  {
    name: "cuts a surplus closing brace that the document has",
    document: "function f() {\n  if (a) {\n    b();‸\n  }\n}\n",
    text: " }",
    shown: undefined,
  },
  {
    name: "cuts surplus closers off the end of a line",
    document: "run(call(1‸\n));\n",
    text: ", 2));",
    shown: "run(call(1⟦, 2⟧\n));\n",
  },
  {
    name: "shows one line only when text follows the cursor",
    document: "foo(‸, 1)\n",
    text: "a,\n  b",
    shown: "foo(⟦a⟧, 1)\n",
    multiline: true,
  },

  // Lines that stand below already.
  {
    name: "cuts lines that stand below the cursor",
    document: "a();\n‸\nc();\nd();\n",
    text: "b();\nc();\nd();",
    shown: "a();\n⟦b();⟧\nc();\nd();\n",
    multiline: true,
  },
  { name: "shows nothing when it is the next line", document: "a();\n‸\nbcd();\n", text: "bcd();", shown: undefined },
  {
    name: "cuts a closing brace that stands below",
    document: "if (x) {‸\n}\n",
    text: "\n  run();\n}",
    shown: "if (x) {⟦\n  run();⟧\n}\n",
    multiline: true,
  },
  {
    name: "compares below across CRLF",
    document: "a();\r\n‸\r\nlonger();\r\n",
    text: "b();\r\nlonger();",
    shown: "a();\r\n⟦b();⟧\r\nlonger();\r\n",
    multiline: true,
  },

  // The block that the cursor is in.
  {
    name: "ends where the text leaves the block",
    document: "class A {\n  a() {‸\n",
    text: "\n    one();\n  }\n}\nconst after = 1;",
    shown: "class A {\n  a() {⟦\n    one();\n  }⟧\n",
    multiline: true,
  },
  {
    name: "ends at a blank line",
    document: "a();‸\n",
    text: "\nb();\n\nfunction other() {}",
    shown: "a();⟦\nb();⟧\n",
    multiline: true,
  },
  { name: "shows one line when one is asked for", document: "a = ‸\n", text: "1;\nb = 2;", shown: "a = ⟦1;⟧\n" },

  // What models leak.
  {
    name: "cuts at a special token",
    document: "let a = ‸\n",
    text: "1;<|fim_pad|><|endoftext|>junk",
    shown: "let a = ⟦1;⟧\n",
  },
  { name: "cuts DeepSeek's tokens", document: "let a = ‸\n", text: "1;<｜end▁of▁sentence｜>", shown: "let a = ⟦1;⟧\n" },
  { name: "cuts CodeLlama's end mark", document: "let a = ‸\n", text: "1; <EOT>", shown: "let a = ⟦1;⟧\n" },
  {
    name: "takes the text out of a fence",
    document: "‸\n",
    text: "```ts\nlet a = 1;\n```\nThis declares a.",
    shown: "⟦let a = 1;⟧\n",
    multiline: true,
  },
  {
    name: "drops what a model thought",
    document: "‸\n",
    text: "<think>hm</think>\nlet a;",
    shown: "⟦let a;⟧\n",
    multiline: true,
  },
  { name: "shows nothing while a model only thinks", document: "‸\n", text: "<think>hm, let", shown: undefined },

  // Repetition and emptiness.
  {
    name: "cuts a line that comes a third time",
    document: "‸\n",
    text: "x();\nx();\nx();\nx();",
    shown: "⟦x();⟧\n",
    multiline: true,
  },
  {
    name: "cuts text that loops",
    document: "a = ‸\n",
    text: "foo.bar.foo.bar.foo.bar.foo.bar.foo.bar.",
    shown: "a = ⟦foo.bar.⟧\n",
  },
  { name: "shows nothing for white space", document: "a\n‸\n", text: "  \n\n", shown: undefined, multiline: true },
  { name: "shows nothing for half a surrogate pair", document: "a = ‸\n", text: "x\ud83d", shown: undefined },
  { name: "trims white space off the end", document: "a = ‸\n", text: "1;   ", shown: "a = ⟦1;⟧\n" },
];

const render = ({ document, text, languageId = "typescript", multiline = false }: Case): string | undefined => {
  const [prefix, suffix] = document.split("‸") as [string, string];
  const result = filterCompletion({ prefix, suffix, text, languageId, multiline });
  if (!result) return undefined;
  const struck = suffix.slice(0, result.replaceAfter);
  return `${prefix}⟦${result.insertText}⟧${struck && `~${struck}~`}${suffix.slice(result.replaceAfter)}`;
};

for (const golden of cases) test(golden.name, () => assert.equal(render(golden), golden.shown));
