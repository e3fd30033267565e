const markup = new Set(["html", "markdown", "xml", "vue", "svelte", "javascriptreact", "typescriptreact", "mdx"]);
const modelToken =
  /<\|[\w-]{2,40}\|>|<｜[^｜>\n]{2,40}｜>|<\/?fim_\w+>|<\[(?:fim-\w{2,10}|[^\]>\s]{0,15}▁[^\]>\s]{2,20})\]>|<file_sep>|<(?:end|start)_of_turn>|<[be]os>|<\/?COMPLETION>|(?:^|\n)(?:<filename>|<repo_name>|\+{5} )/g;
const codeLlamaToken = /(?<!\w)<(?:PRE|SUF|MID)>|<EOT>|<\/s>\s*$/g;
const leadingToken =
  /^\s*(?:<\|(?:fim_middle|code_middle)\|>|<fim_middle>|<MID>|<｜fim▁end｜>|<\[fim-middle\]>|<COMPLETION>)/;
const thought = /^\s*<(think|thinking|thought|reasoning)>/;

/** Takes out what is not part of the document: thinking, special tokens, the fence around an answer. */
export const withoutModelMarkup = (text: string, languageId: string): string =>
  withoutFence(withoutTokens(withoutThinking(text), languageId), languageId);

const withoutThinking = (text: string): string => {
  const name = thought.exec(text)?.[1];
  const endTag = `</${name ?? "think"}>`;
  const end = text.indexOf(endTag);
  if (end < 0) return name ? "" : text;
  if (!name && isQuoted(text, end, endTag.length)) return text;
  const answer = text.slice(end + endTag.length);
  return answer.startsWith("\n") ? answer.replace(/^\s*\n/, "") : answer;
};

const withoutTokens = (text: string, languageId: string): string => {
  const clean = text.replace(leadingToken, "");
  let end = clean.length;
  for (const pattern of markup.has(languageId) ? [modelToken] : [modelToken, codeLlamaToken]) {
    for (const found of clean.matchAll(pattern)) {
      // Code that handles such tokens has them in quotes.
      if (isQuoted(clean, found.index, found[0].length)) continue;
      end = Math.min(end, found.index);
      break;
    }
  }
  return clean.slice(0, end);
};

const isQuoted = (text: string, start: number, length: number): boolean =>
  start > 0 && /["'`]/.test(text[start - 1]!) && text[start + length] === text[start - 1];

const withoutFence = (text: string, languageId: string): string => {
  if (languageId === "markdown" || languageId === "mdx") return text;
  const opening = /^\s*```[^\n`]*(?:\n|$)/.exec(text) ?? /(?:^|\n)[^\n]*:\n+```[^\n`]*\n/.exec(text);
  const body = opening ? text.slice(opening.index + opening[0].length) : text;
  const end = /(?:^|\n)```/.exec(body);
  return end ? body.slice(0, end.index) : body;
};
