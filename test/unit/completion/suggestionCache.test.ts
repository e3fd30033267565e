import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createSuggestionCache } from "../../../src/completion/suggestionCache.ts";

const at = (document: string, documentId = "a.ts"): Snapshot => {
  const [prefix, suffix] = document.split("‸") as [string, string];
  return { documentId, path: documentId, languageId: "typescript", prefix, suffix, aheadUnits: 0 };
};

test("answers at the place that was asked", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\nend();\n"), "m", "one + two;");
  assert.equal(cache.find(at("let a = ‸\nend();\n"), "m")?.text, "one + two;");
});

test("answers with the rest after the user typed on along the text", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\nend();\n"), "m", "one + two;\nthree();");
  assert.equal(cache.find(at("let a = one +‸\nend();\n"), "m")?.text, " two;\nthree();");
  assert.equal(cache.find(at("let a = one + two;‸\nend();\n"), "m")?.text, "\nthree();");
});

test("does not answer where the user typed something else, or all of it", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\nend();\n"), "m", "one");
  assert.equal(cache.find(at("let a = two‸\nend();\n"), "m"), undefined);
  assert.equal(cache.find(at("let a = one‸\nend();\n"), "m"), undefined);
});

test("survives a bracket that the editor closed and an edit far above", () => {
  const cache = createSuggestionCache(10_000);
  const far = "x".repeat(300) + "\n" + "y".repeat(300) + "\n";
  cache.add(at(`${far}run‸\nend();\n`), "m", "(value);");
  assert.equal(cache.find(at(`${far}run(‸)\nend();\n`), "m")?.text, "value);");
  assert.equal(cache.find(at(`new line\n${far}run‸\nend();\n`), "m")?.text, "(value);");
});

test("keeps documents, models and what follows the cursor apart", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\nend();\n"), "m", "one;");
  assert.equal(cache.find(at("let a = ‸\nend();\n", "b.ts"), "m"), undefined);
  assert.equal(cache.find(at("let a = ‸\nend();\n"), "other"), undefined);
  assert.equal(cache.find(at("let a = ‸\nstart();\n"), "m"), undefined);
});

test("never takes more memory than its limit and forgets what was not asked for longest", () => {
  const cache = createSuggestionCache(20_000);
  for (let n = 0; n < 200; n++) cache.add(at(`const name${n} = ‸\nuse${n}();\n`), "m", `value${n};`.repeat(5));
  assert.ok(cache.sizeBytes <= 20_000, `${cache.sizeBytes} bytes`);
  assert.ok(cache.sizeBytes > 5000, `${cache.sizeBytes} bytes`);
  assert.equal(cache.find(at("const name0 = ‸\nuse0();\n"), "m"), undefined);
  assert.ok(cache.find(at("const name199 = ‸\nuse199();\n"), "m"));
});

test("does not keep the documents alive that its entries come from", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const cache = createSuggestionCache(4_000_000);
  collectGarbage();
  const beforeBytes = process.memoryUsage().heapUsed;
  const documentCharacters = 1_000_000;
  for (let version = 0; version < 50; version++) {
    const document = Buffer.alloc(documentCharacters, `version ${version} `).toString("latin1");
    cache.add(at(`${document}\nconst name${version} = ‸\nuse${version}();\n`), "m", "value;");
  }
  collectGarbage();
  const keptBytes = process.memoryUsage().heapUsed - beforeBytes;
  assert.ok(keptBytes < 10 * documentCharacters, `${keptBytes} bytes`);
  assert.ok(cache.sizeBytes > 0);
});

test("the nearest place that was answered wins over one that is further back", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\n"), "m", "one.two();\nthree();");
  cache.add(at("let a = one.‸\n"), "m", "two(4);");
  assert.equal(cache.find(at("let a = one.t‸\n"), "m")?.text, "wo(4);");
  assert.equal(cache.find(at("let a = o‸\n"), "m")?.text, "ne.two();\nthree();");
  assert.equal(cache.find(at("let a = one.two();\nth‸\n"), "m")?.text, "ree();");
});

test("survives an edit more than three lines below", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("let a = ‸\nb();\nc();\n\nd();\ne();\n"), "m", "one;");
  assert.equal(cache.find(at("let a = ‸\nb();\nc();\n\nd();\nother();\n"), "m")?.text, "one;");
  assert.equal(cache.find(at("let a = ‸\nb();\nother();\n\nd();\n"), "m"), undefined);
});

test("tells what was asked for ahead, and forgets one place alone", () => {
  const cache = createSuggestionCache(10_000);
  cache.add(at("a‸\n"), "m", "one;", true);
  cache.add(at("ab‸\n"), "m", "two;");
  assert.deepEqual(cache.find(at("a‸\n"), "m"), { text: "one;", isSpeculated: true });
  cache.forget(at("a‸\n"), "m");
  assert.equal(cache.find(at("a‸\n"), "m"), undefined);
  assert.equal(cache.find(at("ab‸\n"), "m")?.text, "two;");
});

test("remembers nothing of a line that is too long to be written by hand", () => {
  const cache = createSuggestionCache(100_000);
  const long = "x".repeat(5000);
  cache.add(at(`${long}‸\n`), "m", "one;");
  assert.equal(cache.sizeBytes, 0);
  assert.equal(cache.find(at(`${long}‸\n`), "m"), undefined);
});

test("giving back takes the places not asked for longest, and their answers are gone", () => {
  const cache = createSuggestionCache(100_000);
  for (const name of ["first", "second", "third"]) cache.add(at(`let ${name} = ‸\n`), "m", `${name}Answer();`);
  cache.find(at("let first = ‸\n"), "m");
  cache.shrink(cache.sizeBytes - 1);
  assert.equal(cache.find(at("let second = ‸\n"), "m"), undefined);
  assert.equal(cache.find(at("let first = ‸\n"), "m")?.text, "firstAnswer();");
  cache.shrink(0);
  assert.equal(cache.find(at("let first = ‸\n"), "m"), undefined);
  assert.equal(cache.sizeBytes, 0);
});
