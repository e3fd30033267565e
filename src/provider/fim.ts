import { contextForms, defuseContext, type ContextForm } from "./fimContext.ts";
import type { CompletionRequest } from "./provider.ts";

/** How one model family marks the text before the cursor, the text after it, and where it is to go on writing. */
export type FimTemplate = {
  readonly family: string;
  /** Text in front of, between and behind the two parts; `order` says which part comes first. */
  readonly marks: readonly [before: string, between: string, after: string];
  readonly order: "prefix-first" | "suffix-first";
  /** Marks of the family's other, suffix-first form, for families that must not have text behind their last mark. */
  readonly suffixFirstMarks?: FimTemplate["marks"];
  /**
   * True: the vocabulary spells the marks with a space's sign in front (`▁<PRE>`), and a llama.cpp server does not find
   * them in a raw prompt; by its own route it knows them.
   */
  readonly hasSpacedMarks?: boolean;
  /** How it is told of other files; undefined: nowhere documented, so they stay out. */
  readonly context?: ContextForm;
  /** Texts that end the answer, the likeliest first. Most servers end at the family's own end token without them. */
  readonly stop: readonly string[];
  /** The family's tokens: a server reads them as tokens wherever they stand in a raw prompt. */
  readonly reserved: readonly string[];
};

type Family = {
  readonly template: FimTemplate;
  /** What the model's file name or id must contain. */
  readonly name: RegExp;
  /** Names of relatives that were not trained to fill in. */
  readonly except?: RegExp;
};

const starCoderTokens = ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"] as const;
const pipeTokens = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"] as const;
const deepSeekTokens = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"] as const;
const seedTokens = ["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"] as const;
const glmTokens = ["<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"] as const;

const template = (
  family: string,
  order: FimTemplate["order"],
  marks: FimTemplate["marks"],
  stop: readonly string[],
  reserved: readonly string[],
  more: Pick<FimTemplate, "context" | "suffixFirstMarks" | "hasSpacedMarks"> = {},
): FimTemplate => ({ family, order, marks, stop, reserved, ...more });

// Every one of these ends an answer and is a token, the likeliest ends first.
const qwenAll = [
  "<|endoftext|>",
  "<|file_sep|>",
  "<|repo_name|>",
  "<|fim_pad|>",
  "<|im_start|>",
  "<|im_end|>",
  ...pipeTokens,
];
const starCoderAll = ["<|endoftext|>", "<file_sep>", "<repo_name>", "<fim_pad>", ...starCoderTokens];
const graniteAll = ["<|end_of_text|>", "<reponame>", ...starCoderAll];

/**
 * Only families whose prompt form two independent projects agree on, or the model's paper states. A base model is
 * taken; a chat model only where its family is known to keep the ability.
 * @see https://github.com/continuedev/continue `AutocompleteTemplate.ts` (2026-06) and
 * https://github.com/zed-industries/zed `fim.rs` (2026-08) for the marks; the Seed-Coder paper, section on FIM, for its
 * suffix-first order; https://github.com/ggml-org/llama.cpp/pull/12988 for Granite 3.3.
 */
const families: readonly Family[] = [
  {
    name: /qwen-?(?:2[.-]?5|3)-?coder/,
    template: template("qwen-coder", "prefix-first", pipeTokens, qwenAll, qwenAll, { context: contextForms.qwen }),
  },
  {
    name: /starcoder-?2/,
    except: /instruct|chat|align/,
    template: template("starcoder2", "prefix-first", starCoderTokens, starCoderAll, starCoderAll, {
      context: contextForms.starCoder2,
    }),
  },
  {
    name: /starcoder|stable-?code/,
    except: /instruct|chat|align/,
    template: template("starcoder", "prefix-first", starCoderTokens, starCoderAll, starCoderAll),
  },
  {
    // Meta documents infilling for the 7B and 13B base models only. The larger ones, the Python ones and the chat ones
    // lack it, and a plain `codellama` tag is a chat model.
    // https://www.llama.com/docs/model-cards-and-prompt-formats/meta-code-llama/
    name: /code-?llama(?=.*\b(?:7|13)b)/,
    except: /instruct|python|:(?!.*code)/,
    template: template(
      "codellama",
      "prefix-first",
      ["<PRE> ", " <SUF>", " <MID>"],
      ["<EOT>", "</s>", "<PRE>", "<SUF>", "<MID>"],
      ["<PRE>", "<SUF>", "<MID>", "<EOT>", "<s>", "</s>"],
      // Its tokenizer puts a space in front of what follows a mark, so typed indentation behind <MID> would be one off.
      // The model knows the suffix-first form as well: `infilling_prompt_tokens` in
      // https://github.com/meta-llama/codellama/blob/main/llama/generation.py
      { suffixFirstMarks: ["<PRE> <SUF>", " <MID> ", ""], hasSpacedMarks: true },
    ),
  },
  {
    name: /deepseek-?coder/,
    template: template(
      "deepseek-coder",
      "prefix-first",
      deepSeekTokens,
      ["<｜end▁of▁sentence｜>", ...deepSeekTokens],
      [...deepSeekTokens, "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"],
      { context: contextForms.deepSeek },
    ),
  },
  {
    name: /codestral/,
    except: /mamba|embed/,
    template: template(
      "codestral",
      "suffix-first",
      ["[SUFFIX]", "[PREFIX]", ""],
      ["[SUFFIX]", "[PREFIX]", "</s>", "\n+++++ "],
      ["[SUFFIX]", "[PREFIX]", "[MIDDLE]", "<s>", "</s>", "[INST]", "[/INST]"],
      { context: contextForms.codestral },
    ),
  },
  {
    name: /codegemma/,
    // Of the 2B there is no chat model.
    except: /-it\b|instruct|:(?!.*code|2b)/,
    template: template(
      "codegemma",
      "prefix-first",
      pipeTokens,
      ["<|file_separator|>", "<eos>", "<end_of_turn>", ...pipeTokens],
      [...pipeTokens, "<|file_separator|>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
      { context: contextForms.codeGemma },
    ),
  },
  {
    name: /granite-?4/,
    except: /embed|speech|vision|guardian/,
    template: template(
      "granite-4",
      "prefix-first",
      pipeTokens,
      ["<|end_of_text|>", ...pipeTokens],
      [...pipeTokens, "<|fim_pad|>", "<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>"],
    ),
  },
  {
    // `granite-code:8b`, `granite-8b-code-base`, `granite-3.3-8b-base`: their vocabulary spells the marks as StarCoder's.
    name: /granite-(?:\d+b-)?code|granite-3[.-]3-\d+b-base/,
    except: /instruct/,
    template: template("granite-code", "prefix-first", starCoderTokens, graniteAll, graniteAll),
  },
  {
    name: /seed-?coder/,
    except: /instruct|reasoning/,
    template: template(
      "seed-coder",
      "suffix-first",
      seedTokens,
      ["<[end▁of▁sentence]>", ...seedTokens],
      [...seedTokens, "<[begin▁of▁sentence]>", "<[end▁of▁sentence]>"],
    ),
  },
  {
    // https://huggingface.co/JetBrains/Mellum-4b-base: base and tuned models alike. Mellum 2 has another vocabulary.
    name: /mellum-4b/,
    template: template(
      "mellum",
      "suffix-first",
      ["<fim_suffix>", "<fim_prefix>", "<fim_middle>"],
      ["<|endoftext|>", "<filename>", ...starCoderTokens],
      [...starCoderTokens, "<|endoftext|>", "<filename>", "<reponame>", "<fim_pad>"],
      { context: contextForms.mellum },
    ),
  },
  {
    name: /(?:^|[-_])glm-?4(?!-?v)(?![.\d]*v)/,
    template: template(
      "glm",
      "prefix-first",
      glmTokens,
      ["<|endoftext|>", "<|user|>", ...glmTokens],
      [...glmTokens, "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>"],
    ),
  },
];

/**
 * The template of the family that a model's id or file name names, or undefined: a wrong guess makes the model write
 * rubbish, which is worse than asking the server to build the prompt. Folder names do not count.
 */
export const findFimTemplate = (modelName: string): FimTemplate | undefined => {
  const name = (modelName.split(/[\\/]/).at(-1) ?? "").toLowerCase().replaceAll("_", "-");
  return families.find((family) => family.name.test(name) && !family.except?.test(name))?.template;
};

/**
 * Source code may contain the family's own tokens (this file does); sent raw, they would cut the prompt at a wrong
 * place. A space after such a token's first character makes it plain text. Refusing would switch ghost text off in such
 * files, and dropping the token could join its neighbours into another one.
 */
const defuse = (text: string, reserved: readonly string[]): string => {
  let safe = text;
  for (const token of reserved) {
    if (safe.includes(token)) safe = safe.replaceAll(token, `${token.charAt(0)} ${token.slice(1)}`);
  }
  return safe;
};

/**
 * The raw prompt. With `typed`, that comes last, so that from key to key the prompt only grows at its end.
 * @see FimTemplate.suffixFirstMarks for the one family whose order that changes.
 */
export const buildFimPrompt = (
  fim: FimTemplate,
  { prefix, suffix, typed, context }: Pick<CompletionRequest, "prefix" | "suffix" | "typed" | "context">,
): string => {
  const clean = (text: string): string => defuse(text, fim.reserved);
  const isSuffixFirst = fim.order === "suffix-first" || (typed !== undefined && fim.suffixFirstMarks !== undefined);
  const marks = typed === undefined ? fim.marks : (fim.suffixFirstMarks ?? fim.marks);
  const [before, between, after] = marks;
  const told = context && fim.context?.(defuseContext(context, clean));
  const head = told?.head ?? "";
  const inPrefix = told?.inPrefix ?? "";
  // Without a mark between them, a token may begin in the one and end in the other.
  const ownText = after === "" ? clean(prefix + (typed ?? "")) : clean(prefix);
  const last = after === "" ? "" : after + clean(typed ?? "");
  return isSuffixFirst
    ? head + before + clean(suffix) + between + inPrefix + ownText + last
    : head + before + inPrefix + ownText + between + clean(suffix) + last;
};

/** The texts that end an answer: the caller's, then the family's. */
export const stopTexts = (wanted: readonly string[] = [], fim?: FimTemplate): readonly string[] => [
  ...wanted,
  ...(fim?.stop ?? []),
];

/** @see vLLM's documentation v0.32 and OpenAI's, which take no more; others take any number. */
const serverStopsMax = 4;

/** The stop texts that go into a request, undefined instead of none. The others are cut here. */
export const serverStops = (stop: readonly string[]): readonly string[] | undefined =>
  stop.length === 0 ? undefined : stop.slice(0, serverStopsMax);
