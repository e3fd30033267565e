import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor, type Predictor } from "../../../src/predictor/predictor.ts";
import { createRandom, randomNoise, randomSource } from "./randomText.ts";

const handlers = (names: readonly string[]): string =>
  names
    .map((name) =>
      [
        `export const list${name}s = async (request: Request): Promise<Response> => {`,
        `  const ${name.toLowerCase()}s = await store.list("${name.toLowerCase()}s");`,
        `  return json({ ${name.toLowerCase()}s, total: ${name.toLowerCase()}s.length });`,
        "};",
        "",
      ].join("\n"),
    )
    .join("\n");

/** Predicts at the bar in `text`. */
const predictAt = (predictor: Predictor, path: string, text: string) => {
  const at = text.indexOf("|");
  return predictor.predict(path, text.slice(0, at), text.slice(at + 1));
};

test("predicts the rest of a line that was written before", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("a.ts", handlers(["User", "Order", "Product"]));
  const prediction = predictAt(predictor, "b.ts", "export const listUsers = async (req|\n");
  assert.ok(prediction);
  assert.ok("uest: Request): Promise<Response> => {".startsWith(prediction.text), prediction.text);
  assert.ok(prediction.confidence > 0.5);
});

test("predicts the rest of a new line from lines like it", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("src/users.ts", handlers(["User"]));
  predictor.index("src/orders.ts", handlers(["Order"]));
  predictor.index("src/products.ts", handlers(["Product"]));
  const prediction = predictAt(predictor, "src/invoices.ts", "export const listInvoices = as|\n");
  assert.ok(prediction);
  assert.ok("ync (request: Request): Promise<Response> => {".startsWith(prediction.text), prediction.text);
  assert.ok(prediction.text.length >= 10, prediction.text);
  assert.ok(prediction.confidence > 0.5, String(prediction.confidence));
});

test("puts the words that are used here into lines that were written elsewhere", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("src/users.ts", handlers(["User"]));
  predictor.index("src/orders.ts", handlers(["Order"]));
  const text = `const invoices = 1;\n${handlers(["Invoice"]).split("\n").slice(0, 1).join("\n")}\n  const inv|\n`;
  assert.ok(
    'oices = await store.list("invoices");'.startsWith(
      predictAt(predictor, "src/invoices.ts", text)?.text ?? "nothing",
    ),
  );
});

test("goes on from the middle of a word", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("a.ts", "registerCompletionHandler(context);\nregisterCompletionHandler(other);\n");
  assert.ok(predictAt(predictor, "b.ts", "\nregisterComp|")?.text.startsWith("letionHandler"));
});

test("knows the text around the cursor without being told", () => {
  const predictor = createPredictor({ standardFolder: null });
  const prediction = predictAt(
    predictor,
    "new.ts",
    `${handlers(["User", "Order"])}\nexport const listCarts = async (|\n`,
  );
  assert.ok(prediction && "request: Request): Promise<Response> => {".startsWith(prediction.text));
  assert.equal(predictor.stats().files, 0);
});

test("learns from the text below the cursor, too", () => {
  const predictor = createPredictor({ standardFolder: null });
  const prediction = predictAt(
    predictor,
    "new.ts",
    `export const listCarts = async (|\n${handlers(["User", "Order"])}`,
  );
  assert.ok(prediction && "request: Request): Promise<Response> => {".startsWith(prediction.text));
});

test("takes the file at hand before other files", () => {
  const predictor = createPredictor({ standardFolder: null });
  for (let i = 0; i < 4; i++) predictor.index(`other${i}/a.ts`, "logger.report(first.value);\n");
  const text = "logger.report(second.value);\nlogger.report(second.value);\n\nlogger.report(|\n";
  assert.ok(predictAt(predictor, "here/b.ts", text)?.text.startsWith("second"));
});

test("takes what was learned last before what was learned first", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("x/old.ts", "connect(oldAddress);\n");
  predictor.index("y/new.ts", "connect(newAddress);\n");
  assert.ok(predictAt(predictor, "z/b.ts", "\nconnect(|\n")?.text.startsWith("newAddress"));
});

test("predicts nothing from a file that was removed", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("a.ts", handlers(["User"]));
  predictor.remove("a.ts");
  assert.equal(predictAt(predictor, "b.ts", "export const listUsers = async (req|\n"), undefined);
  assert.deepEqual([predictor.stats().files, predictor.stats().textUnits, predictor.stats().vocabulary], [0, 0, 0]);
});

test("leaves none of a file's old text behind when it is edited", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("a.ts", `${handlers(["User"])}\nconst secretAnswer = fortyTwo();\n`);
  predictor.index("a.ts", `${handlers(["User"])}\nconst plainAnswer = sixtyNine();\n`);
  assert.ok(!predictAt(predictor, "b.ts", "\nconst secretAns|\n")?.text.includes("fortyTwo"));
  assert.ok(predictAt(predictor, "b.ts", "\nconst plainAns|\n")?.text.startsWith("wer"));
  assert.ok(predictAt(predictor, "b.ts", "\nconst plainAnswer = si|\n")?.text.startsWith("xtyNine"));
});

test("fits the text that stands after the cursor", () => {
  const lines = "const total = computeTotal(items, taxRate);\n".repeat(3);
  for (const [text, expected] of [
    ["const total = computeTotal(|", "items, taxRate);"],
    ["const total = computeTotal(|)", "items, taxRate"],
    ["const total = computeTotal(|);", "items, taxRate"],
    ["const total = comp|(items, taxRate);", "uteTotal"],
    ["const total = comp|(other, thing);", undefined],
    ["const total = computeTotal(items, taxRate)|;", undefined],
  ] as const) {
    const predictor = createPredictor({ standardFolder: null });
    predictor.index("a.ts", lines);
    assert.equal(predictAt(predictor, "b.ts", `\n${text}\n`)?.text, expected, text);
  }
});

test("keeps tabs and CRLF out of the way", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("a.go", "\tif err != nil {\r\n\t\treturn nil, err\r\n\t}\r\n".repeat(3));
  assert.equal(predictAt(predictor, "b.go", "func f() {\r\n\tif err| {\r\n")?.text, " != nil");
  assert.equal(predictAt(predictor, "b.go", "\tif err != nil {\r\n\t\tret|\r\n\t}\r\n")?.text, "urn nil, err");
});

test("answers for empty input", () => {
  const predictor = createPredictor({ standardFolder: null });
  assert.equal(predictor.predict("", "", ""), undefined);
  predictor.index("", "");
  predictor.remove("never seen");
  assert.equal(predictor.predict("", "", ""), undefined);
});

const freshLine = (i: number) => `freshWord${i}Call(argument${i}, other${i});\n`;

test("forgets the oldest files when its memory is full, and never takes more", () => {
  const maxBytes = 2_000_000;
  const predictor = createPredictor({ maxBytes });
  const random = createRandom(3);
  for (let i = 0; i < 120; i++) {
    predictor.index(`f${i}.ts`, randomSource(random, [`alpha${i}`, `beta${i}`], 80) + "\n" + freshLine(i));
    assert.ok(predictor.stats().memoryBytes < maxBytes * 1.3);
  }
  assert.ok(predictor.stats().files < 120);
  assert.ok(predictAt(predictor, "x.ts", "\nfreshWord119Ca|\n")?.text.includes("argument119"));
  assert.ok(!predictAt(predictor, "x.ts", "\nfreshWord0Ca|\n")?.text.includes("argument0,"));
});

test("keeps its memory level while one file is edited again and again", () => {
  const predictor = createPredictor({ standardFolder: null });
  const random = createRandom(5);
  const text = randomSource(random, ["user", "order", "cart"], 2000);
  predictor.index("a.ts", text);
  const before = predictor.stats();
  for (let i = 0; i < 300; i++) {
    const at = random(text.length);
    predictor.index("a.ts", `${text.slice(0, at)}edit${i}${text.slice(at)}`);
  }
  predictor.index("a.ts", text);
  const after = predictor.stats();
  assert.equal(after.vocabulary, before.vocabulary);
  assert.ok(after.memoryBytes < before.memoryBytes * 1.5);
});

test("learns in steps what it learns at once", () => {
  const text = randomSource(createRandom(9), ["user", "order"], 400);
  const atOnce = createPredictor({ standardFolder: null });
  atOnce.index("a.ts", text);
  const inSteps = createPredictor({ standardFolder: null });
  let steps = 0;
  for (const _ of inSteps.indexInSteps("a.ts", text)) {
    steps++;
    inSteps.predict("b.ts", "const us", "\n");
  }
  assert.ok(steps > 5);
  const query = "\nconst user = aw|\n";
  assert.deepEqual(predictAt(inSteps, "b.ts", query), predictAt(atOnce, "b.ts", query));
});

test("ends learning in steps when the file changes or goes", () => {
  const predictor = createPredictor({ standardFolder: null });
  const old = "staleCall(staleArgument);\n".repeat(400);
  const [first, second] = [predictor.indexInSteps("a.ts", old), predictor.indexInSteps("b.ts", old)];
  const steps = [first[Symbol.iterator](), second[Symbol.iterator]()];
  for (const iterator of steps) iterator.next();
  predictor.index("a.ts", "");
  predictor.remove("b.ts");
  for (const iterator of steps) while (!iterator.next().done);
  assert.equal(predictAt(predictor, "c.ts", "\nstaleC|\n"), undefined);
});

test("never throws, and what it predicts is whole text on one line, for any input", () => {
  const random = createRandom(11);
  const predictor = createPredictor({ maxBytes: 1_000_000 });
  for (let round = 0; round < 400; round++) {
    const noise = randomNoise(random, 120);
    predictor.index(`n${random(6)}`, noise);
    if (random(9) === 0) predictor.remove(`n${random(6)}`);
    const at = random(noise.length + 1);
    const prediction = predictor.predict(`n${random(8)}`, noise.slice(0, at), noise.slice(at + random(9)));
    if (!prediction) continue;
    assert.ok(prediction.confidence > 0 && prediction.confidence <= 1);
    assert.ok(prediction.text.isWellFormed());
    assert.match(prediction.text, /^[^\r\n]+$/);
  }
});

const learnTwenty = () => {
  const random = createRandom(17);
  const predictor = createPredictor({ standardFolder: null });
  for (let i = 0; i < 20; i++) predictor.index(`f${i % 13}.ts`, randomSource(random, ["user", "order", "cart"], 60));
  return { predictor, text: randomSource(random, ["user", "order", "cart"], 60), random };
};

test("gives the same answer to the same question", () => {
  const [one, two] = [learnTwenty(), learnTwenty()];
  for (let i = 0; i < 200; i++) {
    const at = one.random(one.text.length);
    const ask = ({ predictor, text }: typeof one) => predictor.predict("here.ts", text.slice(0, at), text.slice(at));
    const answer = ask(one);
    assert.deepEqual(ask(two), answer);
    assert.deepEqual(ask(one), answer);
  }
});

test("never predicts a word of a removed file, whatever came before", () => {
  const random = createRandom(23);
  for (let round = 0; round < 25; round++) {
    const predictor = createPredictor({ maxBytes: 1_500_000 });
    const present = new Map<string, string>();
    for (let change = 0; change < 30; change++) {
      const path = `d${random(3)}/f${random(6)}.ts`;
      // Every text has a word of its own.
      const mark = `q${round}z${change}z`;
      if (random(3) === 0) {
        predictor.remove(path);
        present.delete(path);
      } else {
        predictor.index(path, randomSource(random, ["user", mark], 10 + random(80)));
        present.set(path, mark);
      }
      const prefix = randomSource(random, ["user", "order"], 6);
      const text = predictor.predict("here.ts", prefix.slice(0, random(prefix.length)), "\n")?.text ?? "";
      const marks = new Set(present.values());
      for (const [word] of text.matchAll(/q\d+z\d+z/g)) assert.ok(marks.has(word), `${word} is gone`);
    }
  }
});

test("forgets what predictions came from later than what was of no use", () => {
  const predictor = createPredictor({ maxBytes: 2_000_000 });
  const random = createRandom(37);
  predictor.index("useful.ts", "registerHandler(context);\n".repeat(3));
  predictor.index("useless.ts", freshLine(2));
  assert.ok(predictAt(predictor, "x.ts", "\nregisterHan|\n"));
  for (let i = 10; i < 500 && [...predictor.paths()].includes("useless.ts"); i++) {
    predictor.index(`f${i}.ts`, randomSource(random, [`alpha${i}`, `beta${i}`], 80));
  }
  assert.ok(!new Set(predictor.paths()).has("useless.ts"));
  assert.ok(new Set(predictor.paths()).has("useful.ts"));
});

test("proposes no line again that stands below, but what comes before it", () => {
  const predictor = createPredictor({ standardFolder: null });
  predictor.index("x/a.ts", "begin(first);\nfinish(first);\n".repeat(6));
  const proposed = (suffix: string) =>
    predictor.propose("x/b.ts", "begin(first);\nfinish(first);\nbegin(fi", suffix, 0.12);
  assert.match(proposed("\n")!.text, /^rst\);\nfinish\(/);
  assert.equal(proposed("\nfinish(first);\n")!.text, "rst);");
});

test("what cannot come takes no chance from what can: no line goes further out than the margin", () => {
  const predictor = createPredictor({ standardFolder: null });
  const inner = "wrap {\n  if (a) {\n    work(a);\n  }\n}\n".repeat(8);
  predictor.index("x/a.ts", `${inner}${"if (b) {\n  work(b);\n}\nrest(b);\n".repeat(3)}`);
  const proposal = predictor.propose("y/b.ts", "if (q) {\n  work(q);\n}", "", 0.2);
  assert.ok(proposal?.text.startsWith("\nrest"), JSON.stringify(proposal));
});
