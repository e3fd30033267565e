import type { FimTemplate } from "./fim.ts";

// The branch that fills in: nothing but text between its two fields.
const branch =
  /(?:^|\}\})([^{}]*)\{\{-?\s*\.(Prompt|Suffix)\s*-?\}\}([^{}]*)\{\{-?\s*\.(Prompt|Suffix)\s*-?\}\}([^{}]*)(?=\{\{|$)/;
// A token of the model's own. Blanks between one and a field would belong to the prompt, and tokenizers differ there.
const token = /^<[^\s<>]+>$/;

/**
 * The fill-in marks that an Ollama model's own template spells out; undefined when it is not that plain. With them a raw
 * prompt says the same as `prompt` and `suffix` do, and may be continued behind its last mark, so that the server reads only
 * what is new. Nothing is known of such a model's form for other files.
 * @see https://github.com/ollama/ollama/blob/main/docs/template.mdx for the fields.
 */
export const templateFromOllama = (template: string): FimTemplate | undefined => {
  const [, before = "", first, between = "", second, after = ""] = branch.exec(template) ?? [];
  const marks = [before.trimStart(), between, after.trimEnd()] as const;
  if (first === second || !marks.every((mark) => token.test(mark))) return undefined;
  return {
    family: "own template",
    order: first === "Prompt" ? "prefix-first" : "suffix-first",
    marks,
    stop: marks,
    reserved: marks,
  };
};
