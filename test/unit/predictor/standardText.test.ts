import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import { fingerprint, hashStandardContext, standardOrders } from "../../../src/predictor/standardContext.ts";
import { createStandardText } from "../../../src/predictor/standardText.ts";
import { createTokenBuffer, createVocabulary, gap, tokenId } from "../../../src/predictor/vocabulary.ts";
import { packStandardText } from "../../bench/predictorStandardFile.ts";

/** `of` follows `for (const WORD`, `Error` follows `new`; only `for`, `const` and `new` count as themselves. */
const makeFile = (): Buffer => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const hashes = new Int32Array(standardOrders);
  const frequent = new Set(["for", "const", "new"].map((word) => hashOf(vocabulary, word)));
  const print = (text: string, order: number): number => {
    vocabulary.tokenize(text, 0, text.length, true, buffer);
    hashStandardContext(vocabulary, buffer.tokens, buffer.length, (hash) => frequent.has(hash), hashes);
    return fingerprint(hashes[order - 1]!, order);
  };
  return packStandardText({
    words: ["for", "const", "new"],
    targets: [
      { text: "of", kind: gap.space, chance: 0.01 },
      { text: "Error", kind: gap.space, chance: 0.01 },
      { text: "Map", kind: gap.space, chance: 0.001 },
      { text: "(", kind: gap.none, chance: 0.05 },
    ],
    contexts: new Map([
      [print("for (const anything", 4), [{ target: 1, chance: 0.9 }]],
      [
        print("new", 1),
        [
          { target: 2, chance: 0.5 },
          { target: 3, chance: 0.25 },
        ],
      ],
    ]),
  });
};

const hashOf = (vocabulary: ReturnType<typeof createVocabulary>, word: string): number => {
  const buffer = createTokenBuffer();
  const out = new Int32Array(standardOrders);
  vocabulary.tokenize(word, 0, word.length, true, buffer);
  let hash = 0;
  hashStandardContext(vocabulary, buffer.tokens.subarray(1, 2), 1, (own) => (hash = own) !== undefined, out);
  return hash;
};

const ask = (text: string, typed = "", typedGap: number = gap.none): Record<string, number> => {
  const vocabulary = createVocabulary();
  const standard = createStandardText(makeFile(), vocabulary);
  const buffer = createTokenBuffer();
  vocabulary.tokenize(text, 0, text.length, false, buffer);
  const count = standard.find(buffer.tokens, buffer.length, typed, typedGap);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      vocabulary.textOf(tokenId(standard.found.tokens[i]!)),
      Number(standard.found.chances[i]!.toFixed(2)),
    ]),
  );
};

test("knows what follows a context, whatever rare identifier stands in it", () => {
  assert.deepEqual(ask("for (const xyzzy"), { of: 0.84 });
  assert.deepEqual(ask("for (let xyzzy"), {});
});

test("shorter contexts tell where longer ones are unknown", () => {
  assert.deepEqual(ask("throw new"), { Error: 0.5, Map: 0.25 });
});

test("what is typed of a word rules out the others", () => {
  const found = ask("throw new", "M");
  assert.deepEqual(Object.keys(found), ["Map"]);
  assert.ok(found["Map"]! > 0.9);
  assert.deepEqual(ask("throw new", "", gap.tab), {});
});

test("a file of another version is refused, and the predictor does without one that it cannot read", () => {
  const raw = brotliDecompressSync(makeFile());
  const other = Buffer.from(raw.toString("latin1").replace('"version":1', '"version":9'), "latin1");
  assert.throws(() => createStandardText(brotliCompressSync(other), createVocabulary()), /version 9/);
  const problems: string[] = [];
  const onProblem = (message: string) => void problems.push(message);
  const predictor = createPredictor({ standardFolder: new URL("file:///nowhere/"), onProblem });
  assert.equal(predictor.predict("a.ts", "for (const x ", ""), undefined);
  predictor.predict("b.ts", "for (const x ", "");
  assert.match(problems.join("\n"), /^The predictor does without the standard text of ecmascript: [^\n]*$/);
});

test("the texts of the package are read, and counted as memory", () => {
  for (const [path, prefix, text] of [
    ["a.ts", "throw new ", "Error"],
    ["a.py", "for i, item in ", "enumerate"],
    ["vscode-notebook-cell:/w/a.ipynb#W0", "for i, item in ", "enumerate"],
    ["a.go", "if err != ", "nil"],
    ["a.rs", "let mut items = Vec::", "new"],
    ["A.java", "throw new IllegalArgument", "Exception"],
  ] as const) {
    const predictor = createPredictor();
    const before = predictor.stats().memoryBytes;
    const proposal = predictor.propose(path, prefix, "\n", 0.12);
    assert.ok(proposal?.text.startsWith(text), `${path}: ${proposal?.text}`);
    assert.ok(predictor.stats().memoryBytes - before > 500_000);
    assert.equal(createPredictor({ standardFolder: null }).propose(path, prefix, "\n", 0.12), undefined);
  }
});

test("all texts of the package together stay within the memory that is kept free for them", () => {
  const predictor = createPredictor();
  const before = predictor.stats().memoryBytes;
  for (const extension of ["ts", "py", "go", "rs", "java"]) predictor.prepare(`a.${extension}`);
  const bytes = predictor.stats().memoryBytes - before;
  assert.ok(bytes > 5_000_000 && bytes < 10_000_000, `${bytes} bytes`);
});

test("a comment that stands elsewhere is proposed whole, whatever the standard text makes of its words", () => {
  const comment = "The pelican quarter closes on Thursday evening";
  for (const before of ["// ", "const quay = 1; // ", " * "]) {
    const typed = `${before}The pelican quarter closes on Th`;
    const predictor = createPredictor();
    predictor.index("NOTES.md", `- ${comment}.\n- ${comment}.\n`);
    const proposal = predictor.propose("src/quay.ts", typed, "\n", 0.7);
    assert.ok(proposal?.text.startsWith("ursday evening"), `${typed} -> ${proposal?.text}`);
  }
});

test("on the line below a comment the standard text is asked again", () => {
  const knows = { above: 0, below: 0 };
  const predictor = createPredictor({
    onStep: (tokens) => {
      for (const { place, text } of tokens) {
        // That the standard text was asked.
        if (place[6]) knows[/\n./.test(text) ? "below" : "above"]++;
      }
      return tokens[0]?.text;
    },
  });
  predictor.index("a.ts", "// The pelican quarter closes\nconst total = new Map();\n".repeat(3));
  predictor.propose("b.ts", "// The pelican quarter cl", "\n", 0.12);
  assert.equal(knows.above, 0);
  assert.ok(knows.below > 0);
});
