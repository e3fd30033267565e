import assert from "node:assert/strict";
import { test } from "node:test";
import { globMatcher } from "../../../src/predictor/globs.ts";

const rows: readonly (readonly [glob: string, matching: string, other: string])[] = [
  ["out", "out", "a/out"],
  ["/out/", "out", "outer"],
  ["**/node_modules", "node_modules a/node_modules", "node_modules2 a/node_modules/b"],
  ["**/*.log", "a.log .hidden/x.log a/b/.log", "a.logs a.log/b"],
  ["*.log", "a.log", "a/b.log"],
  ["src/**", "src src/a src/a/b", "srcs a/src"],
  ["src/**/*.ts", "src/a.ts src/a/b.ts", "src/a.js a/src/b.ts"],
  ["**/*.{js,d.ts}", "a.js b/c.d.ts", "a.ts a.json"],
  ["a?.[bc]s", "ab.bs a1.cs", "a.bs ab.ds a/.bs"],
  ["[!a]b", "cb", "ab /b"],
  ["**/.git", ".git a/.git", "git a.git"],
  ["a+(b).ts", "a+(b).ts", "aab.ts"],
  ["{a,b}/**/c", "a/c b/x/c", "c d/c"],
  ["**", "a a/b .c", ""],
];

test("globs mean what they mean in the editor's exclusions", () => {
  for (const [glob, matching, other] of rows) {
    const matches = globMatcher(glob);
    assert.ok(matches, glob);
    for (const path of matching.split(" ")) assert.ok(matches(path), `${glob} ${path}`);
    for (const path of other.split(" ").filter(Boolean)) assert.ok(!matches(path), `${glob} ${path}`);
  }
});

test("a glob that nobody can read is none", () => {
  for (const glob of ["a{b", "[z-a]", "{", "["]) assert.doesNotThrow(() => globMatcher(glob)?.("a"), glob);
  assert.equal(globMatcher("a{b"), undefined);
  assert.equal(globMatcher("[z-a]"), undefined);
});

test("no glob keeps the thread busy, however many stars it has", { timeout: 20_000 }, () => {
  const name = "a".repeat(200);
  for (const glob of [
    "*a".repeat(40) + "b",
    "**/a/".repeat(12) + "b",
    "{*,**}".repeat(12) + "b",
    "**a".repeat(40) + "b",
  ]) {
    const matches = globMatcher(glob)!;
    assert.equal(matches(name), false, glob);
    assert.equal(matches("a/".repeat(60) + "c"), false, glob);
    assert.ok(matches("a/".repeat(12) + "b") || matches(`${name}b`), glob);
  }
});

test("a glob means the same after more different paths than it remembers", () => {
  const matches = globMatcher("**/x*.ts")!;
  for (let code = 0x4e00; code < 0x4e00 + 2000; code++) {
    const char = String.fromCharCode(code);
    assert.equal(matches(`${char}/x${char}.ts`), true);
    assert.equal(matches(`${char}x/${char}.ts`), false);
  }
});

test("a glob longer than any that people write excludes nothing", () => {
  assert.equal(globMatcher("a".repeat(1001)), undefined);
  assert.equal(globMatcher("a".repeat(1000))?.("a".repeat(1000)), true);
});
