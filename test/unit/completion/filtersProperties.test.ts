import assert from "node:assert/strict";
import { test } from "node:test";
import { filterCompletion, type FilterInput } from "../../../src/completion/filters.ts";

const pieces = "( ) { } [ ] < > \" ' ` ${ ; , // /* # 😀 <|x_y|> </think> </s> a foo foo() \\"
  .split(" ")
  .concat(["\n", "\r\n", "\n    ", "  ", "\t", "return ", "case a:", "} else {", "```\n"]);
const languages = ["typescript", "python", "rust", "html", "json", "yaml", "markdown", "c", "go", "java"];

const randomInputs = function* (count: number): Generator<FilterInput> {
  let seed = 7;
  const below = (limit: number) => ((seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) >>> 8) % limit;
  const some = () => Array.from({ length: below(12) }, () => pieces[below(pieces.length)]).join("");
  for (let round = 0; round < count; round++) {
    const languageId = languages[below(languages.length)]!;
    yield { prefix: some(), suffix: some(), text: some(), languageId, multiline: below(2) === 0 };
  }
};

const lineEnds = (text: string): string => text.replaceAll(/\r\n?/g, "\n");

test("never throws; what is inserted is one piece of the text, line ends aside, and overwrites its own line at most", () => {
  let shown = 0;
  for (const input of randomInputs(20_000)) {
    const result = filterCompletion(input);
    if (!result) continue;
    shown++;
    const about = JSON.stringify({ input, result });
    assert.ok(lineEnds(input.text).includes(result.insertText), about);
    assert.ok(result.insertText.trim() !== "" && result.insertText.isWellFormed(), about);
    assert.ok(result.replaceAfter <= input.suffix.split(/\r?\n/)[0]!.length, about);
    assert.ok(input.suffix.slice(result.replaceAfter).isWellFormed(), about);
    assert.ok(!result.insertText.includes("\r"), about);
    if (!input.multiline) assert.ok(!result.insertText.includes("\n"), about);
  }
  assert.ok(shown > 4000);
});

test("a document with CRLF gets what the same one with LF gets", () => {
  for (const input of randomInputs(3000)) {
    const asLf = { prefix: lineEnds(input.prefix), suffix: lineEnds(input.suffix), text: lineEnds(input.text) };
    assert.deepEqual(filterCompletion(input), filterCompletion({ ...input, ...asLf }), JSON.stringify(input));
  }
});

test("huge documents and texts stay cheap", () => {
  for (const unit of ["a", ")", "(", "x, ", "\n", '"', "foo.bar."]) {
    const huge = unit.repeat(1_000_000 / unit.length);
    // Time of this process: other work on the machine does not count.
    const before = process.cpuUsage();
    filterCompletion({ prefix: huge, suffix: huge, text: huge, languageId: "typescript", multiline: true });
    assert.ok(process.cpuUsage(before).user < 500_000, unit);
  }
});
