import assert from "node:assert/strict";
import { test } from "node:test";
import { globToRegExp } from "../../../src/predictor/globs.ts";

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
    const pattern = globToRegExp(glob);
    assert.ok(pattern, glob);
    for (const path of matching.split(" ")) assert.ok(pattern.test(path), `${glob} ${path} ${pattern}`);
    for (const path of other.split(" ").filter(Boolean)) assert.ok(!pattern.test(path), `${glob} ${path} ${pattern}`);
  }
});

test("a glob that nobody can read is none", () => {
  for (const glob of ["a{b", "[z-a]", "{", "["]) assert.doesNotThrow(() => globToRegExp(glob)?.test("a"), glob);
  assert.equal(globToRegExp("a{b"), undefined);
  assert.equal(globToRegExp("[z-a]"), undefined);
});
