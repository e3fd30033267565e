import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { soundPart } from "../../../src/completion/soundness.ts";

/** `|` is the cursor, `✂` where the proposed text is to be cut; without it nothing may be cut. */
const cases: readonly (readonly [languageId: string, golden: string])[] = [
  // Cut.
  ["typescript", "const |errors:✂ const last = index === 1;"],
  ["typescript", "f(|error: Error,✂ export function other() {"],
  ["typescript", "if (a) {|\n  map<✂// never overwritten"],
  ["typescript", "x = |item.✂// Pick one"],
  ["javascript", "  record.time =|✂ return ip"],
  ["javascript", "  record.time =| now()\n  other(✂if (x) y()"],
  ["javascript", "if (sub.|✂type _Flattened = 1"],
  ["javascript", 'join(|path, ✂"%s_tool.path = join(x, "gyp-%s" % prefix)'],
  ["javascript", "sum +|✂ while (x) y()"],
  ["typescript", "size = retu|✂rn a"],
  ["python", "    path = join(|dirname(✂if x in defines:"],
  ["python", "    source = |file.✂# Pluck out one."],
  ["python", "    x = [a,| b,✂ for y"],
  ["python", "    if a.b|:\n        return x.✂y z"],
  ["python", "with open(|✂# this case"],
  ["typescript", "const a: Record<|✂if (b) c"],
  ["javascript", "if (typeof record.|✂this.#maxItems = 1"],
  ["python", "x = a.|✂return b"],
  ["go", "if z.|✂return z.tt"],
  ["go", "a := |✂var b int"],
  ["go", "f(a.b |✂c)"],
  ["rust", "let a = b.|✂fn c() {"],
  ["rust", "let a =|✂ struct B {"],
  ["java", "a = b.|✂return c;"],
  ["java", "f(|✂private int a"],
  ["c", "a->b = c.|✂while (d)"],
  ["c", "x = (|✂return y);"],
  ["python", "return x.|✂y z"],
  ["rust", "let a = b.|✂in c"],
  // Nothing may be cut.
  ["rust", "let slice = self.buf[..self.|in"],
  ["python", "from django.|conf imp"],
  ["python", "if self.|errors a"],
  ["python", "a = [1,|# one"],
  ["typescript", "const f = <|const T,>(a: T) => a;"],
  ["go", "switch a.(|type) {"],
  ["go", "a := |func() int { return b.C }"],
  ["rust", "fn f<'a>(b: &|'a str, c: &'a T) -> D<'a> {"],
  ["rust", "let a = b.|await?;"],
  ["rust", 'let a = r#"|"b"c"#;'],
  ["rust", "if let Some(a) = b.c |else { return };"],
  ["java", "Class<?> a = B.|class;"],
  ["java", "default -> |throw new A();"],
  ["c", 'printf("a"|PRIu64, b);'],
  ["typescript", "for (|const a of b) {"],
  ["typescript", "for await (|let a of b) {"],
  ["typescript", "const f = <|T, const U>(a: U) => a;"],
  ["typescript", "function f<|const T extends A, const U>(a: T) {"],
  ["typescript", "case 1: |return a;"],
  ["typescript", "  default: |const a = 1;"],
  ["typescript", "outer: |for (const a of b) {"],
  ["typescript", "const a = { |if: 1, return: 2, for() {}, export };"],
  ["typescript", "promise.|catch (error)"],
  ["typescript", "import { a, |type B } from 'c';"],
  ["typescript", "export { a as |default };"],
  ["typescript", "a = b.c |as unknown;"],
  ["typescript", "if (a.b |in c) return d;"],
  ["typescript", "const a = b ? c.d |: e.f;"],
  ["typescript", 'const text = "for example, |if you return const";'],
  ["typescript", "const text = `one, |if you ${a.b} return const`;"],
  ["typescript", "// see a.b |of it, if const a"],
  ["typescript", " * Does a.b |of it, if const a"],
  ["typescript", "const a = `\n|one, if you see a.b of it\n`;"],
  ["typescript", "/*\n|one, if you see a.b now, return it\n*/"],
  ["typescript", "const quote = /[\"',] |if (a)/;"],
  ["typescript", "@Input.Required |name: string;"],
  ["javascript", "const a = |<Foo.Bar size={1} />;"],
  ["javascript", "const a = b / c, |d = e.f;"],
  ["javascript", 'const a = "b" + |"c"\n  + d;'],
  ["typescriptreact", "<p>|Well, if you see a.b now</p>"],
  ["go", "func f(ctx context.Context, |a http.Handler) {"],
  ["rust", "let a =| if b { c } else { d };"],
  ["java", "java.util.List |a = b;"],
  ["markdown", "Well, |if you see a.b now: const"],
  ["python", "x = a.b |if c else d"],
  ["python", "[a.b |for b in c if d]"],
  ["python", "from . |import a"],
  ["python", 'if "a"in |b or "c"in d:'],
  ["python", '    """|Well, if you see a.b now."""'],
  ["python", '    """\n    |Well, if you see a.b now, return it.'],
  ["python", 'x = f"{a}"| r"b"'],
  ["python", "raise A.b |from error"],
  ["python", "lambda: |a.b"],
];

for (const [languageId, golden] of cases) {
  test(`${golden.includes("✂") ? "cuts" : "keeps"} ${languageId}: ${golden}`, () => {
    const [prefix, text] = golden.split("|") as [string, string];
    const [kept, cut = ""] = text.split("✂") as [string, string?];
    assert.equal(soundPart(kept + cut, prefix, languageId), kept);
  });
}

test("finds nothing to cut in this project's own source", () => {
  const folder = join(import.meta.dirname, "../../../src/provider");
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".ts"))) {
    const source = readFileSync(join(folder, name), "utf8");
    assert.equal(soundPart(source, "", "typescript"), source, name);
  }
});
