import assert from "node:assert/strict";
import { test } from "node:test";
import { isMisplaced } from "../../../src/completion/lineStart.ts";
import { soundPart } from "../../../src/completion/soundness.ts";

/** A piece of code whose last line cannot stand there. */
const misplaced: readonly (readonly [languageId: string, code: string])[] = [
  ["typescript", "call({\n  a: 1,\n  const b = 2;"],
  ["typescript", "call(\n  a,\n  return b;"],
  ["typescript", "const a = {\n  if (b) {"],
  ["typescript", "const a = {\n  b: 1,\n  type C,"],
  ["typescript", "return {\n  export const a = 1;"],
  ["typescript", "class A extends B {\n  export class C {"],
  ["typescript", "class A {\n  a = 1;\n  this.b = 2;"],
  ["typescript", "class A {\n  super(a);"],
  ["javascript", "const f = () => {\n  export const a = 1;"],
  ["javascript", "switch (a) {\n  return b;"],
  ["javascript", "const a = f();\n  * about this"],
  ["javascript", "const a = f();\n  * about this (and that)"],
  ["javascript", "const a = f();\n  */"],
  ["javascript", "f(() => {\n  ? a : b"],
  ["javascript", "function f() {\n  a();\n  .then(b)"],
  ["python", "f(\n    return a"],
  ["python", "a = [\n    def b():"],
  ["python", "class A:\n    def a(self) -> int:\n        def b(self, c):"],
  ["python", "for a in b:\n    for a in b:"],
  ["go", "func f() {\n\tfunc g() {"],
  ["go", "switch a {\n\treturn b"],
  ["go", "switch a := b.(type) {\n// about it\n\n\treturn b"],
  ["go", "a := []B{\n\treturn c"],
  ["go", "\tswitch a {\n\treturn b"],
  ["go", "type A struct {\n\ta int\n\tb += 1"],
  ["go", "f(\n\tif a {"],
  ["go", "a := B{\n\tif c {"],
  ["go", "for _, a := range b {\n\tfor _, a := range b {"],
  ["rust", "impl A {\n    let b = 1;"],
  ["rust", "pub trait A: B {\n    match c {"],
  ["rust", "f(\n    let a = b;"],
  ["rust", "let a = Some(\n    let b = c;"],
];

/** A piece of code whose last line may stand there. */
const placed: readonly (readonly [languageId: string, code: string])[] = [
  ["typescript", "f(\n  function () {"],
  ["typescript", "const a = {\n  if: 1,"],
  ["typescript", "const a = {\n  return(b) {"],
  ["typescript", "const a = {\n  type: b,"],
  ["typescript", "import {\n  type A,"],
  ["typescript", "for (\n  const a of b"],
  ["typescript", "call({\n  a: () => {\n    const b = 2;"],
  ["typescript", "call({\n  a: 1 });\n  const b = 2;"],
  ["typescript", "class A extends B({\n  a: 1,\n}) {\n  static b = 1;"],
  ["typescript", "declare module 'a' {\n  export const b: number;"],
  ["typescript", "namespace A {\n  export const b = 1;"],
  ["typescript", "export const a = 1;"],
  ["typescript", "type A =\n  | B"],
  ["typescript", "const a = b\n  ? c\n  : d"],
  ["typescript", "const a = b\n  ? {\n      c: 1,\n    }\n  : d"],
  ["typescript", "f()\n  .then(a)"],
  ["typescript", "class A {\n  *b() {"],
  ["javascript", "class A {\n  * b () {"],
  ["javascript", "const a = {\n  * [Symbol.iterator] () {"],
  ["javascript", "class A {\n  b = 1;\n  * #c() {"],
  ["javascript", "class A {\n  * [Symbol.ite"],
  ["javascript", "class A {\n  * fet"],
  ["javascript", "switch (a) {\n  case b:"],
  ["javascript", "switch (a) {\n  // about it\n  default:"],
  ["javascript", "switch (a) {\n  ca"],
  ["javascript", "switch (a) {\n}"],
  ["javascript", "switch (a) {\n  case b:\n    return c;"],
  ["python", "a = [\n    b\n    for b in c\n    if b"],
  ["python", "a = [\n    b\n    async for b in c"],
  ["python", "f(\n    a)\nreturn b"],
  ["python", "def f(\n        a):\n    try:"],
  ["python", "def a(f):\n    def b(self):"],
  ["python", "class A:\n    def a(self):\n        pass\n\n    def b(self):"],
  ["python", "for a in b:\n    for c in b:"],
  ["python", "for _ in range(3):\n    for _ in range(3):"],
  ["go", 'import (\n\t"a"'],
  ["go", "f(func() {\n\treturn a"],
  ["go", "func f(\n\ta int) B {\n\treturn a"],
  ["go", "a := map[string]B{\n\treturned: c,"],
  ["go", "var f = []func(){\n\tfunc() {"],
  ["go", "switch a {\ncase b:"],
  ["go", "if err != nil{\n\treturn a"],
  ["go", "func main(){\n\tvar a = b"],
  ["go", "for _, x := range xs{\n\tif x {"],
  ["go", "if a{\n\tb()\n} else{\n\treturn c"],
  ["go", "defer func(){\n\tif a {"],
  ["go", 't.Run("x", func(t *testing.T){\n\tfor a {'],
  ["go", "a := func(b int) C{\n\treturn d"],
  ["go", "for range n {\n\tfor range n {"],
  ["go", "for _ = range a {\n\tfor _ = range a {"],
  ["rust", "impl A {\n    pub fn b() {"],
  ["rust", "impl A {\n    fn b() {\n        let c = 1;"],
  ["rust", "f(\n    if a { b } else { c },"],
  ["rust", "macro_rules! a {\n    ($b:expr) => {\n        $(\n            let c = $b;"],
  ["rust", "macro_rules! a {\n    (\n        let mut $b:ident"],
  ["rust", "quote!(\n    let a = b;"],
  ["rust", "quote! {\n    let a = b;"],
  ["rust", "for _ in 0..2 {\n    for _ in 0..2 {"],
  ["ruby", "f(\n  return a"],
];

for (const [isExpected, cases] of [
  [true, misplaced],
  [false, placed],
] as const) {
  for (const [languageId, code] of cases) {
    test(`${isExpected ? "misplaced" : "placed"} ${languageId}: ${code}`, () => {
      const lineStart = code.lastIndexOf("\n") + 1;
      assert.equal(isMisplaced(code.slice(lineStart), code.slice(0, lineStart), languageId), isExpected);
    });
  }
}

test("a text is cut before the line that cannot stand there", () => {
  assert.equal(soundPart("b: 2,\n  const c = 3;\n  d", "call({\n  a: 1,\n  ", "typescript"), "b: 2,");
  assert.equal(soundPart("const c = 3;\n  d", "call({\n  a: 1,\n  ", "typescript"), "");
  assert.equal(soundPart("\n  const c = 3;", "call({\n  a: 1,", "typescript"), "");
});

test("what stands in a string or comment is left alone", () => {
  const text = "return it, if you can\n  const c = 3;";
  assert.equal(soundPart(text, "call({\n  a: `\n  ", "typescript"), text);
  assert.equal(soundPart(text, "call({\n  /* see\n  ", "typescript"), text);
  assert.equal(soundPart("return it", 'f(\n    """\n    ', "python"), "return it");
});

test("a word that goes on a line is no line's beginning", () => {
  assert.equal(soundPart(") return b;", "call({\n  if (a", "typescript"), ") return b;");
  assert.equal(soundPart(" + 1", "switch (a) {\n  b", "typescript"), " + 1");
});

test("a line far below what opened the bracket is left alone", () => {
  const above = `call({\n${"  a: 1,\n".repeat(200)}`;
  assert.equal(isMisplaced("  const b = 2;", above, "typescript"), false);
});
