import { readIntent } from "./intent.ts";
import { createSpelling } from "./spelling.ts";

/** What can be asked for by name. `/report` opens the performance report; all others ask the model. */
export const commandNames = ["explain", "fix", "tests", "docs", "review", "commit", "report"] as const;
export type CommandName = (typeof commandNames)[number];

/** What a message wants. `text`: what it says beside the command's name. */
export type Meaning =
  | { readonly kind: "command"; readonly command: CommandName; readonly text: string }
  /** No command stands for it: a question or a wish of any other kind. */
  | { readonly kind: "chat"; readonly text: string }
  /** It may want any of these, the likeliest first: ask back. */
  | { readonly kind: "unclear"; readonly between: readonly CommandName[]; readonly text: string };

const aliases: Readonly<Record<CommandName, readonly string[]>> = {
  explain: ["explain", "explanation", "describe", "what", "why", "how"],
  fix: ["fix", "debug", "bug", "bugs", "repair", "solve"],
  tests: ["tests", "test", "unittest", "unittests", "spec", "specs", "coverage"],
  docs: ["docs", "doc", "document", "documentation", "docstring", "docstrings", "jsdoc", "comment", "comments"],
  review: ["review", "cr", "critique", "audit", "feedback"],
  commit: ["commit", "cm", "message", "msg", "commitmessage"],
  report: ["report", "stats", "statistics", "perf", "performance", "latency"],
};
const commandOf = new Map(commandNames.flatMap((name) => aliases[name].map((alias) => [alias, name] as const)));
const spelling = createSpelling([...commandOf.keys()], 3);

// Nobody types more than this after a slash or as the only word.
const maxWordLength = 24;

const named = (word: string): CommandName | undefined =>
  commandOf.get(word) ?? commandOf.get(spelling.correct(word) ?? "");

const beginningWith = (start: string): readonly CommandName[] =>
  commandNames.filter((name) => aliases[name].some((alias) => alias.startsWith(start)));

/** A word behind a slash: a name, its beginning, another word for it, or a slip of the keys. */
const readSlash = (word: string, text: string): Meaning => {
  const command = commandOf.get(word);
  if (command) return { kind: "command", command, text };
  const begun = beginningWith(word);
  const [only, ...others] = begun;
  if (only && others.length === 0) return { kind: "command", command: only, text };
  if (begun.length > 0) return { kind: "unclear", between: begun, text };
  const slip = named(word);
  return slip ? { kind: "command", command: slip, text } : { kind: "unclear", between: commandNames, text };
};

/**
 * Finds out what a message wants, in English: `/name`, another word for it, one wrong key, or plain language. In doubt
 * it is "unclear" or "chat" rather than a wrong command.
 */
export const resolveCommand = (message: string): Meaning => {
  const text = message.trim();
  // A path is no command: nothing but a space may follow the word.
  const slash = /^\/([a-z]*)(?:\s+|$)/i.exec(text);
  if (slash && slash[1]!.length <= maxWordLength) {
    return readSlash(slash[1]!.toLowerCase(), text.slice(slash[0].length));
  }
  const onlyWord = /^[a-z]{2,24}(?=[.!?]*$)/i.exec(text)?.[0].toLowerCase();
  const command = onlyWord === undefined ? undefined : named(onlyWord);
  if (command) return { kind: "command", command, text: "" };
  const intent = readIntent(text);
  if (intent.length === 0) return { kind: "chat", text };
  const [likeliest, ...others] = intent;
  return others.length === 0
    ? { kind: "command", command: likeliest!, text }
    : { kind: "unclear", between: intent, text };
};
