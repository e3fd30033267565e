import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFimPrompt, findFimTemplate } from "../../../src/provider/fim.ts";

const templateOf = (name: string) => {
  const template = findFimTemplate(name);
  assert.ok(template, name);
  return template;
};

const context = {
  path: "src/cur.py",
  repository: "shop",
  files: [
    { path: "a.py", text: "def a(): ..." },
    { path: "b.py", text: "B = 1" },
  ],
};

type Golden = {
  readonly classic: string;
  readonly anchored: string;
  readonly classicTold: string;
  readonly anchoredTold: string;
};

const qwenHead = "<|repo_name|>shop\n<|file_sep|>a.py\ndef a(): ...\n<|file_sep|>b.py\nB = 1\n<|file_sep|>src/cur.py\n";
const starHead = "<repo_name>shop<file_sep>a.py\ndef a(): ...<file_sep>b.py\nB = 1<file_sep>";
const deepHead = "#a.py\ndef a(): ...\n#b.py\nB = 1\n#src/cur.py\n";
const codestralHead = "+++++ a.py\ndef a(): ...\n\n+++++ b.py\nB = 1\n\n+++++ src/cur.py\n";
const mellumHead = "<filename>a.py\ndef a(): ...\n<filename>b.py\nB = 1\n<filename>src/cur.py\n";
const gemmaHead = "def a(): ...<|file_separator|>B = 1<|file_separator|>";

/** A family without a documented form for several files. */
const untold = (classic: string, anchored: string): Golden => ({
  classic,
  anchored,
  classicTold: classic,
  anchoredTold: anchored,
});

// P and S: the text around the anchor; T: typed since.
const golden: Readonly<Record<string, Golden>> = {
  "qwen2.5-coder": {
    classic: "<|fim_prefix|>PT<|fim_suffix|>S<|fim_middle|>",
    anchored: "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T",
    classicTold: `${qwenHead}<|fim_prefix|>PT<|fim_suffix|>S<|fim_middle|>`,
    anchoredTold: `${qwenHead}<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T`,
  },
  "starcoder2-3b": {
    classic: "<fim_prefix>PT<fim_suffix>S<fim_middle>",
    anchored: "<fim_prefix>P<fim_suffix>S<fim_middle>T",
    classicTold: `${starHead}<fim_prefix>src/cur.py\nPT<fim_suffix>S<fim_middle>`,
    anchoredTold: `${starHead}<fim_prefix>src/cur.py\nP<fim_suffix>S<fim_middle>T`,
  },
  "stable-code-3b": untold("<fim_prefix>PT<fim_suffix>S<fim_middle>", "<fim_prefix>P<fim_suffix>S<fim_middle>T"),
  "codellama-7b": untold("<PRE> PT <SUF>S <MID>", "<PRE> <SUF>S <MID> PT"),
  "deepseek-coder": {
    classic: "<｜fim▁begin｜>PT<｜fim▁hole｜>S<｜fim▁end｜>",
    anchored: "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>T",
    classicTold: `<｜fim▁begin｜>${deepHead}PT<｜fim▁hole｜>S<｜fim▁end｜>`,
    anchoredTold: `<｜fim▁begin｜>${deepHead}P<｜fim▁hole｜>S<｜fim▁end｜>T`,
  },
  codestral: {
    classic: "[SUFFIX]S[PREFIX]PT",
    anchored: "[SUFFIX]S[PREFIX]PT",
    classicTold: `[SUFFIX]S[PREFIX]${codestralHead}PT`,
    anchoredTold: `[SUFFIX]S[PREFIX]${codestralHead}PT`,
  },
  "codegemma-2b": {
    classic: "<|fim_prefix|>PT<|fim_suffix|>S<|fim_middle|>",
    anchored: "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T",
    classicTold: `${gemmaHead}<|fim_prefix|>PT<|fim_suffix|>S<|fim_middle|>`,
    anchoredTold: `${gemmaHead}<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T`,
  },
  "granite-4.0-micro": untold(
    "<|fim_prefix|>PT<|fim_suffix|>S<|fim_middle|>",
    "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>T",
  ),
  "granite-8b-code-base": untold("<fim_prefix>PT<fim_suffix>S<fim_middle>", "<fim_prefix>P<fim_suffix>S<fim_middle>T"),
  "seed-coder-8b-base": untold(
    "<[fim-suffix]>S<[fim-prefix]>PT<[fim-middle]>",
    "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>T",
  ),
  "mellum-4b-base": {
    classic: "<fim_suffix>S<fim_prefix>PT<fim_middle>",
    anchored: "<fim_suffix>S<fim_prefix>P<fim_middle>T",
    classicTold: `${mellumHead}<fim_suffix>S<fim_prefix>PT<fim_middle>`,
    anchoredTold: `${mellumHead}<fim_suffix>S<fim_prefix>P<fim_middle>T`,
  },
  "glm-4-9b": untold(
    "<|code_prefix|>PT<|code_suffix|>S<|code_middle|>",
    "<|code_prefix|>P<|code_suffix|>S<|code_middle|>T",
  ),
};

for (const [name, expected] of Object.entries(golden)) {
  test(`the prompts of ${name}, classic and anchored, with and without other files`, () => {
    const template = templateOf(name);
    const classic = { prefix: "PT", suffix: "S" };
    const anchored = { prefix: "P", typed: "T", suffix: "S" };
    assert.equal(buildFimPrompt(template, classic), expected.classic);
    assert.equal(buildFimPrompt(template, anchored), expected.anchored);
    assert.equal(buildFimPrompt(template, { ...classic, context }), expected.classicTold);
    assert.equal(buildFimPrompt(template, { ...anchored, context }), expected.anchoredTold);
  });
}

test("what is typed only adds to the end of an anchored prompt, for every family", () => {
  for (const name of Object.keys(golden)) {
    const template = templateOf(name);
    const prompts = ["", "r", "re", "ret"].map((typed) =>
      buildFimPrompt(template, { prefix: "P\n", typed, suffix: "\nS" }),
    );
    for (const [index, prompt] of prompts.entries()) assert.ok(prompt.startsWith(prompts[index - 1] ?? ""), name);
  }
});

test("a family's tokens in typed text, other files and their names are plain text", () => {
  for (const name of Object.keys(golden)) {
    const template = templateOf(name);
    const bait = template.reserved.join(" x ");
    const clean = { path: "p", repository: "r", files: [{ path: "p", text: "t" }] };
    const hostile = { path: bait, repository: bait, files: [{ path: bait, text: bait }] };
    const own = buildFimPrompt(template, { prefix: "", typed: "", suffix: "", context: clean });
    const prompt = buildFimPrompt(template, { prefix: bait, typed: bait, suffix: bait, context: hostile });
    for (const token of template.reserved) {
      assert.equal(prompt.split(token).length, own.split(token).length, `${name}: ${token}`);
    }
  }
});

test("a token that begins before the anchor and ends behind it is plain text", () => {
  for (const name of Object.keys(golden)) {
    const template = templateOf(name);
    for (const token of template.reserved) {
      const half = Math.ceil(token.length / 2);
      const parts = { prefix: token.slice(0, half), typed: token.slice(half), suffix: "" };
      const own = buildFimPrompt(template, { prefix: "", typed: "", suffix: "" });
      const prompt = buildFimPrompt(template, parts);
      assert.equal(prompt.split(token).length, own.split(token).length, `${name}: ${token}`);
    }
  }
});

test("a line end in a file's name begins no new line", () => {
  const files = [{ path: "a\n<x>\r\nb.py", text: "" }];
  const prompt = buildFimPrompt(templateOf("qwen2.5-coder"), { prefix: "", suffix: "", context: { path: "c", files } });
  assert.ok(prompt.includes("<|file_sep|>a <x> b.py\n"), prompt);
  assert.ok(prompt.startsWith("<|repo_name|>repository\n"), prompt);
});
