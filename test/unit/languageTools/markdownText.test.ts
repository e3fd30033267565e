import assert from "node:assert/strict";
import { test } from "node:test";
import { codeSpan, escapeMarkdown, isPlainName } from "../../../src/languageTools/markdownText.ts";

test("text stays text: no mark of Markdown and no icon is left unbroken", () => {
  assert.equal(
    escapeMarkdown("a ![x](http://e/) **b** <i>\n# c"),
    String.raw`a \!\[x\]\(http\:\/\/e\/\) \*\*b\*\* \<i\> \# c`,
  );
  assert.doesNotMatch(escapeMarkdown("$(check) $$(x)").replaceAll("\\", ""), /\$\(/);
  assert.equal(escapeMarkdown("grün 日本 7"), "grün 日本 7");
});

test("a title says a name only if it means the same as text and as Markdown", () => {
  for (const name of ["src/a.ts", "npm: test", "my_file-2.md", "grün/日本.txt", ".vscode/tasks.json"]) {
    assert.ok(isPlainName(name), name);
  }
  const others = [
    "__init__.py",
    "[id].tsx",
    "a*b*",
    "![x](y)",
    "`a`",
    "<b>",
    "$(check)",
    "a\\b",
    "a&b",
    "",
    "x".repeat(101),
  ];
  for (const name of others) assert.ok(!isPlainName(name), name);
});

test("nothing in a line ends the code that it stands in", () => {
  assert.equal(codeSpan("echo hi"), "` echo hi `");
  assert.equal(codeSpan("a `b` ``c``"), "``` a `b` ``c`` ```");
});
