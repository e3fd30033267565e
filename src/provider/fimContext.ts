import type { CompletionContext } from "./provider.ts";

/** Where a family's form puts other files: in front of the whole prompt, or at the beginning of the prefix. */
export type ContextForm = (context: CompletionContext) => { readonly head: string; readonly inPrefix: string };

/** A file's name is untrusted like its text: a line end in it would begin something else. */
const oneLine = (name: string): string => name.replaceAll(/[\r\n]+/g, " ");

/** The same context with `clean` applied to everything in it. */
export const defuseContext = (context: CompletionContext, clean: (text: string) => string): CompletionContext => ({
  path: clean(oneLine(context.path)),
  ...(context.repository === undefined ? {} : { repository: clean(oneLine(context.repository)) }),
  files: context.files.map(({ path, text }) => ({ path: clean(oneLine(path)), text: clean(text) })),
});

/** Each family's own way to name files; families that document none are not here. */
export const contextForms = {
  /** @see https://arxiv.org/abs/2409.12186 Qwen2.5-Coder, repository-level fill-in-the-middle; llama.cpp builds the same. */
  qwen: ({ path, repository, files }) => ({
    head:
      `<|repo_name|>${repository ?? "repository"}\n` +
      files.map((file) => `<|file_sep|>${file.path}\n${file.text}\n`).join("") +
      `<|file_sep|>${path}\n`,
    inPrefix: "",
  }),
  /** @see https://arxiv.org/abs/2402.19173 StarCoder2, section 5.1: the file's name stands behind the prefix mark. */
  starCoder2: ({ path, repository, files }) => ({
    head:
      (repository === undefined ? "" : `<repo_name>${repository}`) +
      files.map((file) => `<file_sep>${file.path}\n${file.text}`).join("") +
      "<file_sep>",
    inPrefix: `${path}\n`,
  }),
  /** @see https://github.com/deepseek-ai/DeepSeek-Coder README, "Repository Level Code Completion". */
  deepSeek: ({ path, files }) => ({
    head: "",
    inPrefix: `${files.map((file) => `#${file.path}\n${file.text}\n`).join("")}#${path}\n`,
  }),
  /** @see https://github.com/continuedev/continue `AutocompleteTemplate.ts`, `codestralMultifileFimTemplate` (2026-06). */
  codestral: ({ path, files }) => ({
    head: "",
    inPrefix: `${files.map((file) => `+++++ ${file.path}\n${file.text}\n\n`).join("")}+++++ ${path}\n`,
  }),
  /** @see https://ai.google.dev/gemma/docs/codegemma/prompt-structure: a separator, and nothing about names. */
  codeGemma: ({ files }) => ({
    head: files.map((file) => `${file.text}<|file_separator|>`).join(""),
    inPrefix: "",
  }),
  /** @see https://huggingface.co/JetBrains/Mellum-4b-base "Fill in the middle with additional files as context". */
  mellum: ({ path, files }) => ({
    head: `${files.map((file) => `<filename>${file.path}\n${file.text}\n`).join("")}<filename>${path}\n`,
    inPrefix: "",
  }),
} as const satisfies Readonly<Record<string, ContextForm>>;
