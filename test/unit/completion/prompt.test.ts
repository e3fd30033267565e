import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  createPromptBuilder,
  type ContextSource,
  type PromptBuilderOptions,
  type PromptLimits,
  type PromptParts,
} from "../../../src/completion/prompt.ts";
import { promptBudget } from "../../../src/completion/promptWindow.ts";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { buildFimPrompt, findFimTemplate } from "../../../src/provider/fim.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createTypist, newUnits, unitsPerToken } from "../../fake/typist.ts";

const limits: PromptLimits = { contextTokens: 8192, fillInMiddle: "raw-template", maxTokens: 160 };

/** 900 lines of code, each of its own. */
const code = Array.from({ length: 300 }, (_, n) => `const total${n} = (price) => {\n  return price * ${n};\n};`).join(
  "\n",
);

const setUp = (options: Partial<PromptBuilderOptions> = {}) => {
  const clock = createFakeClock();
  const prompts = createPromptBuilder({ clock, ...options });
  return {
    clock,
    prompts,
    build: (at: Snapshot, more: Partial<PromptLimits> = {}) => prompts.build(at, { ...limits, ...more }),
  };
};

const anchorOf = (parts: PromptParts) => [parts.prefix, parts.suffix];

const shown = ({ prefix, typed = "" }: PromptParts): string => prefix + typed;

const qwen = findFimTemplate("qwen2.5-coder");
assert.ok(qwen);
const written = (parts: PromptParts): string => buildFimPrompt(qwen, parts);

test("prefix and typed together are what stands before the cursor, and the anchor is the line's beginning", () => {
  const { build } = setUp();
  const typist = createTypist(`a();\n  let b = ;\nc();\n`, 15);
  const parts = build(typist.snapshot());
  assert.deepEqual(parts, { prefix: "a();\n", typed: "  let b = ", suffix: "\nc();\n" });
  assert.deepEqual(build(typist.insert("1")), { ...parts, typed: "  let b = 1" });
});

test("the classic layout has no typed text, and follows the cursor", () => {
  const { build } = setUp({ layout: () => "classic" });
  const typist = createTypist("a();\nlet b;\n", 10);
  assert.deepEqual(build(typist.snapshot()), { prefix: "a();\nlet b", suffix: ";\n" });
  assert.deepEqual(build(typist.open("(", ")")), { prefix: "a();\nlet b(", suffix: ");\n" });
});

test("a server that is given the suffix by name gets the classic layout", () => {
  const { build } = setUp();
  const parts = build(createTypist("a(\n", 2).snapshot(), { fillInMiddle: "suffix-parameter" });
  assert.deepEqual(parts, { prefix: "a(", suffix: "\n" });
});

test("a suffix that is read again for every request is shorter", () => {
  const at = createTypist(`a(\n${"b();\n".repeat(1000)}`, 2).snapshot();
  const unitsWith = (more: Partial<PromptLimits>) => setUp().build(at, more).suffix.length;
  assert.ok(unitsWith({}) > 1000);
  for (const fillInMiddle of ["suffix-parameter", "chat"] as const) {
    const units = unitsWith({ fillInMiddle });
    assert.ok(units > 600 && units <= 750, `${units} units`);
  }
  assert.ok(unitsWith({ fillInMiddle: "suffix-parameter", contextTokens: 512 }) < 200);
});

test("a burst with pairs, new lines, an accept and backspaces makes the server read under one token a key", () => {
  const { build } = setUp();
  const from = code.indexOf("const total200");
  const typist = createTypist(code.slice(0, from) + code.slice(from - 1), from);
  let last = written(build(typist.snapshot()));
  const frozen = last.slice(0, last.indexOf("<|fim_middle|>"));
  const read: number[] = [];
  const note = (at: Snapshot) => {
    const prompt = written(build(at));
    assert.ok(prompt.startsWith(frozen), `the frozen part changed at ${JSON.stringify(at.prefix.slice(-30))}`);
    assert.ok(prompt.endsWith(at.prefix.slice(-60).split("\n").at(-1)!), "the prompt does not end where the cursor is");
    read.push(newUnits(last, prompt));
    last = prompt;
  };
  const type = (text: string) => {
    for (const key of text) note(typist.insert(key));
  };
  for (let round = 0; round < 6; round++) {
    type("function add");
    note(typist.open("(", ")"));
    type("left, right");
    note(typist.overtype());
    type(" ");
    note(typist.open("{", "}"));
    note(typist.newline());
    type("return lefr");
    note(typist.backspace());
    type("t + ");
    note(typist.open('"', '"'));
    type("x");
    note(typist.overtype());
    // What was accepted is what the server has just written: it is in its cache, but not in these figures.
    const generated = written(build(typist.insert(" + right;")));
    last = generated;
    note(typist.newline());
    type("done");
    note(typist.open("(", ")"));
    note(typist.overtype());
    type(";");
    note(typist.newline());
  }
  const meanTokens = read.reduce((sum, units) => sum + units, 0) / read.length / unitsPerToken;
  assert.ok(read.length > 300, `${read.length}`);
  assert.ok(meanTokens < 1, `${meanTokens} tokens a key`);
});

test("100 lines typed without a pause make the server read under two tokens a key, re-anchoring included", () => {
  const { build } = setUp();
  const text = readFileSync(new URL("../../../src/provider/llamaCpp.ts", import.meta.url), "utf8");
  const typist = createTypist("", 0);
  let last = "";
  const read: number[] = [];
  for (const [key] of text
    .split("\n")
    .slice(0, 100)
    .join("\n")
    .matchAll(/\n[ \t]*|[^]/g)) {
    const prompt = written(build(typist.insert(key)));
    read.push(newUnits(last, prompt));
    last = prompt;
  }
  const meanTokens = read.reduce((sum, units) => sum + units, 0) / read.length / unitsPerToken;
  assert.ok(meanTokens < 2, `${meanTokens} tokens a key`);
});

test("typing at different places of a document keeps the window's beginning", () => {
  const { build } = setUp();
  const from = code.indexOf("const total200");
  const typist = createTypist(code, from);
  const first = build(typist.snapshot());
  const second = build(typist.moveTo(code.indexOf("const total203")));
  assert.notEqual(second.prefix, first.prefix);
  assert.ok(second.prefix.startsWith(first.prefix), "what the server has read was thrown away");
});

test("the anchor gives way to a jump, an edit beside it, too many lines, a pause, and another server", () => {
  const from = code.indexOf("const total20 ");
  const start = () => {
    const { clock, build } = setUp();
    const typist = createTypist(code, from);
    const first = build(typist.snapshot());
    return { clock, build, typist, first };
  };
  {
    const { build, typist, first } = start();
    assert.deepEqual(anchorOf(build(typist.insert("let a = 1;\n"))), anchorOf(first));
  }
  {
    const { build, typist, first } = start();
    const parts = build(typist.moveTo(from - 200));
    assert.notDeepEqual(anchorOf(parts), anchorOf(first));
    assert.ok(code.startsWith(shown(parts)));
  }
  {
    const { build, typist, first } = start();
    const parts = build(typist.replace(from + 100, from + 110, "other"));
    assert.notEqual(parts.suffix, first.suffix);
  }
  {
    const { build, typist, first } = start();
    const parts = build(typist.replace(10, 20, "other"));
    assert.notEqual(parts.prefix, first.prefix);
    assert.ok(parts.prefix.includes("other"));
  }
  {
    const { build, typist, first } = start();
    assert.equal(build(typist.insert("x;\n".repeat(40))).prefix, first.prefix);
    const parts = build(typist.insert("x;\n"));
    assert.notEqual(parts.prefix, first.prefix);
    assert.equal(parts.typed, "");
  }
  {
    const { clock, build, typist, first } = start();
    typist.insert("let a = 1;\n");
    clock.advance(299_000);
    assert.equal(build(typist.insert("x")).prefix, first.prefix);
    clock.advance(299_000);
    assert.equal(build(typist.insert("y")).prefix, first.prefix, "every use counts");
    clock.advance(300_000);
    assert.equal(build(typist.insert("z")).prefix, `${first.prefix}let a = 1;\n`);
  }
  {
    const { build, typist, first } = start();
    const { prefix, typed, suffix } = build(typist.insert("let a = 1;\n"), { contextTokens: 2048 });
    assert.notEqual(prefix, first.prefix);
    const { prefixUnits, suffixUnits } = promptBudget(2048, 160);
    assert.ok((prefix + typed).length <= prefixUnits && suffix.length <= suffixUnits);
  }
});

test("an edit far above the window moves the anchor along", () => {
  const { build } = setUp();
  const typist = createTypist(code, code.indexOf("const total280"));
  const first = build(typist.snapshot());
  typist.replace(0, 0, 'import { x } from "./x";\n');
  assert.deepEqual(build(typist.insert("let")), { ...first, typed: "let" });
});

test("an edit far below the window changes nothing", () => {
  const { build } = setUp();
  const typist = createTypist(code, code.indexOf("const total20 "));
  const first = build(typist.snapshot());
  typist.replace(code.length - 5, code.length, "");
  assert.deepEqual(build(typist.insert("l")), { ...first, typed: "l" });
});

test("a paste that is longer than the room behind the anchor sets a new one", () => {
  const { build } = setUp();
  const typist = createTypist(code, code.indexOf("const total20 "));
  build(typist.snapshot());
  const parts = build(typist.insert("y ".repeat(1500)));
  assert.ok(shown(parts).endsWith("y ".repeat(1500)) && parts.typed === "", parts.typed);
});

test("a line longer than the room is cut before the cursor's word", () => {
  const { build } = setUp();
  const { prefix, typed } = build(createTypist(`${"ab ".repeat(2000)}wor`, 6003).snapshot());
  assert.equal(typed, "wor");
  assert.ok(prefix.endsWith("ab "));
});

test("two documents keep their own anchors", () => {
  const { build } = setUp();
  const one = createTypist("a();\n", 5, "one");
  const two = createTypist("b();\n", 5, "two");
  const first = build(one.snapshot());
  build(two.snapshot());
  assert.deepEqual(build(one.insert("x")), { ...first, typed: "x" });
});

test("prompt and answer never take more than the context, whatever is typed", () => {
  for (const contextTokens of [512, 2048, 4096, 8192]) {
    const { build } = setUp({ related: filesOf(9000) });
    const typist = createTypist(code, code.indexOf("const total150"));
    for (let key = 0; key < 800; key++) {
      const {
        prefix,
        typed = "",
        suffix,
        context,
      } = build(typist.insert(key % 30 === 29 ? "\n" : "x"), { contextTokens });
      const files = (context?.files ?? []).reduce((sum, { text }) => sum + text.length, 0);
      const units = prefix.length + typed.length + suffix.length + files;
      assert.ok(units <= (contextTokens - 160) * 2, `${units} units for ${contextTokens} tokens`);
    }
  }
});

/** Other files of this many units, as far as there is room. */
const filesOf = (units: number, isOn = () => true): ContextSource & { asked: boolean[] } => {
  const asked: boolean[] = [];
  return {
    asked,
    isOn,
    read(_, { maxUnits, isFresh }) {
      asked.push(isFresh);
      return { path: "a.ts", files: [{ path: "b.ts", text: "b".repeat(Math.min(units, maxUnits)) }] };
    },
  };
};

test("other files are read once for a burst, and anew after a pause", () => {
  const related = filesOf(100);
  const { build, clock } = setUp({ related });
  const typist = createTypist(code, code.indexOf("const total20 "));
  const first = build(typist.snapshot());
  assert.equal(first.context?.files[0]?.text, "b".repeat(100));
  for (let line = 0; line < 60; line++) assert.equal(build(typist.insert("x = 1;\n")).context, first.context);
  assert.deepEqual(related.asked, [true]);
  clock.advance(300_000);
  build(typist.insert("x"));
  assert.deepEqual(related.asked, [true, true]);
  build(typist.moveTo(3));
  assert.deepEqual(related.asked, [true, true, false]);
});

test("a server that charges, or builds the prompt itself, is told of no other file", () => {
  for (const more of [{ isMetered: true }, { fillInMiddle: "suffix-parameter" as const }]) {
    const { build } = setUp({ related: filesOf(100) });
    assert.equal(build(createTypist(code, 50).snapshot(), more).context?.files[0]?.text, "");
  }
});

test("what may leave the private network is told anew when the setting changes", () => {
  let mayLeave = true;
  const { build } = setUp({ related: { ...filesOf(100), mayLeave: () => mayLeave } });
  const typist = createTypist(code, 50);
  assert.equal(build(typist.snapshot()).context?.mayLeave, true);
  mayLeave = false;
  const { context } = build(typist.insert("a"));
  assert.deepEqual([context?.mayLeave, context?.files.length], [undefined, 1]);
});

test("nothing is told of other files any more as soon as that is switched off", () => {
  let isOn = true;
  const { build } = setUp({ related: filesOf(100, () => isOn) });
  const typist = createTypist(code, 50);
  assert.ok(build(typist.snapshot()).context);
  isOn = false;
  assert.equal(build(typist.insert("x")).context, undefined);
});

test("giving back drops the anchors of the documents not asked about longest; what is asked next is whole", () => {
  const { build, prompts, clock } = setUp();
  const first = createTypist("a();\nlet b = ;\n", 13, "a.ts");
  const second = createTypist("c();\nlet d = ;\n", 13, "b.ts");
  assert.deepEqual([prompts.cache.sizeBytes(), prompts.cache.lastUsedMs()], [0, -Infinity]);
  build(first.snapshot());
  clock.advance(100);
  const parts = build(second.snapshot());
  assert.equal(prompts.cache.lastUsedMs(), 100);
  const bothBytes = prompts.cache.sizeBytes();
  prompts.cache.shrink(bothBytes - 1);
  const oneBytes = prompts.cache.sizeBytes();
  assert.ok(oneBytes > 0 && oneBytes < bothBytes);
  assert.deepEqual(build(second.insert("1")), { ...parts, typed: "let d = 1" });
  prompts.cache.shrink(0);
  assert.equal(prompts.cache.sizeBytes(), 0);
  assert.equal(shown(build(second.insert("2"))), "c();\nlet d = 12");
});

test("the whole prompt of a file in which a line is being typed, as each order of marks has it", () => {
  const told: ContextSource = {
    isOn: () => true,
    read: () => ({ path: "src/b.py", repository: "shop", files: [{ path: "a.py", text: "A = 1" }] }),
  };
  // The editor has closed the bracket.
  const typist = createTypist("import a\n\ndef b():\n    return f\n\n# end\n", 31);
  typist.open("(", ")");
  typist.insert("a.");
  const promptOf = (model: string): string => {
    const template = findFimTemplate(model);
    assert.ok(template, model);
    return buildFimPrompt(template, setUp({ related: told }).build(typist.snapshot()));
  };
  const above = "import a\n\ndef b():\n";
  const line = "    return f(a.";
  const below = "\n\n# end\n";
  assert.equal(
    promptOf("qwen3-coder:30b"),
    "<|repo_name|>shop\n<|file_sep|>a.py\nA = 1\n<|file_sep|>src/b.py\n" +
      `<|fim_prefix|>${above}<|fim_suffix|>${below}<|fim_middle|>${line}`,
  );
  assert.equal(
    promptOf("starcoder2:3b"),
    "<repo_name>shop<file_sep>a.py\nA = 1<file_sep>" +
      `<fim_prefix>src/b.py\n${above}<fim_suffix>${below}<fim_middle>${line}`,
  );
  assert.equal(
    promptOf("codestral:22b"),
    `[SUFFIX]${below}[PREFIX]+++++ a.py\nA = 1\n\n+++++ src/b.py\n${above}${line}`,
  );
  assert.equal(
    promptOf("deepseek-coder-v2-lite-base"),
    `<｜fim▁begin｜>#a.py\nA = 1\n#src/b.py\n${above}<｜fim▁hole｜>${below}<｜fim▁end｜>${line}`,
  );
  assert.equal(promptOf("codellama-7b.Q4_K_M.gguf"), `<PRE> <SUF>${below} <MID> ${above}${line}`);
  assert.equal(promptOf("granite4:3b"), `<|fim_prefix|>${above}<|fim_suffix|>${below}<|fim_middle|>${line}`);
  assert.equal(
    promptOf("codegemma:2b"),
    `A = 1<|file_separator|><|fim_prefix|>${above}<|fim_suffix|>${below}<|fim_middle|>${line}`,
  );
});
