import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFimPrompt, findFimTemplate } from "../../../src/provider/fim.ts";

const familyOf = (name: string): string | undefined => findFimTemplate(name)?.family;

test("a model is known by its id or its file's name", () => {
  const known: readonly (readonly [string, string])[] = [
    ["qwen2.5-coder", "qwen-coder"],
    ["qwen2.5-coder:1.5b-base", "qwen-coder"],
    ["/models/oracle-qwen2.5-coder.gguf", "qwen-coder"],
    ["C:\\models\\Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "qwen-coder"],
    ["Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen-coder"],
    ["bigcode/starcoder2-3b", "starcoder2"],
    ["starcoderbase-1b", "starcoder"],
    ["JetBrains/Mellum-4b-base", "mellum"],
    ["mellum-4b-sft-python.Q4_K_M.gguf", "mellum"],
    ["stable-code-3b.Q5_K_M.gguf", "starcoder"],
    ["codellama:7b-code", "codellama"],
    ["CodeLlama-13b-hf", "codellama"],
    ["deepseek-coder-6.7b-base", "deepseek-coder"],
    ["DeepSeek-Coder-V2-Lite-Base.Q4_K_M.gguf", "deepseek-coder"],
    ["codestral:22b", "codestral"],
    ["Codestral-22B-v0.1-Q4_K_M.gguf", "codestral"],
    ["codegemma:2b-code", "codegemma"],
    ["codegemma-7b.gguf", "codegemma"],
    ["codegemma:2b", "codegemma"],
    ["granite-4.0-h-tiny-Q4_K_M.gguf", "granite-4"],
    ["granite4:3b", "granite-4"],
    ["granite-8b-code-base", "granite-code"],
    ["granite-code:8b", "granite-code"],
    ["ibm-granite/granite-3.3-8b-base", "granite-code"],
    ["ByteDance-Seed/Seed-Coder-8B-Base", "seed-coder"],
    ["glm-4.5-air", "glm"],
    ["zai-org/GLM-4-9B-0414", "glm"],
  ];
  for (const [name, family] of known) assert.equal(familyOf(name), family, name);
});

test("a model of no known family, or a relative that cannot fill in, matches nothing", () => {
  const unknown = [
    "",
    "oracle",
    "default",
    "model.gguf",
    "qwen3",
    "Qwen3-30B-A3B-Instruct",
    "qwen2.5-7b-instruct",
    "codeqwen-1.5-7b",
    "starcoder2-15b-instruct-v0.1",
    "stable-code-instruct-3b",
    "codellama",
    "codellama:7b",
    "codellama-7b-instruct.Q4_K_M.gguf",
    "CodeLlama-7b-Python-hf",
    "CodeLlama-34b-hf",
    "codellama-70b",
    "deepseek-r1",
    "mamba-codestral-7b",
    "codestral-embed",
    "codegemma-7b-it",
    "codegemma:7b",
    "granite-3.1-8b-instruct",
    "granite-8b-code-instruct",
    "Seed-Coder-8B-Instruct",
    "glm-4v-9b",
    "glm-4.5v",
    "JetBrains/Mellum2-12B-A2.5B-Base",
    "llama-3.1-8b",
    "gpt-oss-20b",
    "sha256-3a8c9b0f",
  ];
  for (const name of unknown) assert.equal(familyOf(name), undefined, name);
});

test("a folder's name says nothing about the model in it", () => {
  assert.equal(familyOf("/home/me/qwen2.5-coder/llama-3.1-8b.gguf"), undefined);
  assert.equal(familyOf("starcoder2-3b/model.gguf"), undefined);
});

test("each family's prompt has its own form", () => {
  const prompts: readonly (readonly [string, string])[] = [
    ["qwen2.5-coder", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"],
    ["starcoder2-3b", "<fim_prefix>P<fim_suffix>S<fim_middle>"],
    ["codellama-7b", "<PRE> P <SUF>S <MID>"],
    ["deepseek-coder", "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"],
    ["codestral", "[SUFFIX]S[PREFIX]P"],
    ["codegemma-2b", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"],
    ["granite-4.0-micro", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"],
    ["granite-8b-code-base", "<fim_prefix>P<fim_suffix>S<fim_middle>"],
    ["seed-coder-8b-base", "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>"],
    ["glm-4-9b", "<|code_prefix|>P<|code_suffix|>S<|code_middle|>"],
  ];
  for (const [name, prompt] of prompts) {
    const template = findFimTemplate(name);
    assert.ok(template, name);
    assert.equal(buildFimPrompt(template, { prefix: "P", suffix: "S" }), prompt);
  }
});

test("text that contains the family's own tokens cannot cut the prompt", () => {
  for (const name of [
    "qwen2.5-coder",
    "codellama-7b",
    "deepseek-coder",
    "codestral",
    "seed-coder-8b-base",
    "glm-4-9b",
  ]) {
    const template = findFimTemplate(name);
    assert.ok(template);
    const marks = new Set(template.marks.map((mark) => mark.trim()));
    const bait = [...template.reserved, ...template.reserved.map((token) => token.charAt(0) + token)].join(" x ");
    const prompt = buildFimPrompt(template, { prefix: bait, suffix: bait });
    for (const token of template.reserved) {
      const own = marks.has(token) ? 1 : 0;
      assert.equal(prompt.split(token).length - 1, own, `${name}: ${token}`);
    }
  }
});

test("text without tokens is sent as it is", () => {
  const template = findFimTemplate("qwen2.5-coder");
  assert.ok(template);
  const code = "if (a <| b || c |> d) { /* <fim_prefix> [SUFFIX] 🚀 */ }\r\n";
  assert.equal(
    buildFimPrompt(template, { prefix: code, suffix: code }),
    `<|fim_prefix|>${code}<|fim_suffix|>${code}<|fim_middle|>`,
  );
});
