/** What a token is part of; `text` is prose outside of any markup. */
export type Zone = "code" | "string" | "comment" | "text";

/** A piece of one line. */
export type Token = {
  readonly text: string;
  /** UTF-16 units from the line's beginning. */
  readonly start: number;
  readonly kind: "word" | "number" | "mark" | "space";
  readonly zone: Zone;
};

const pieces = /[\p{L}_$][\p{L}\p{N}_$]*|\p{N}[\p{L}\p{N}_.]*|\s+|[=!<>&|+\-*/%^~?:]+|./gu;
const markup = new Set(["html", "xml", "svg", "vue", "svelte"]);
const prose = new Set(["markdown", "plaintext", "latex", "restructuredtext", "git-commit"]);
const hashComments = new Set(["python", "yaml", "shellscript", "ruby", "toml", "dockerfile", "makefile", "perl", "r"]);
const dashComments = new Set(["sql", "lua", "haskell"]);

/** Longer lines are minified or data: nobody edits them by hand, and reading them takes long. */
export const maxLineUnits = 2000;

/** How long one search may read lines: the nearest ones matter most, and a key must never wait for the last. */
export const maxReadNs = 30_000_000;

/** About how long it takes to look for a change in a line. Measured: it grows with the square of the length. */
export const readNs = (line: string): number => 5_000 + 5 * line.length ** 2;

/** Whether tags in angle brackets are what this language is made of. */
export const isMarkup = (languageId: string): boolean => markup.has(languageId);

const kindOf = (text: string): Token["kind"] => {
  if (/^\s/.test(text)) return "space";
  if (/^\p{N}/u.test(text)) return "number";
  return /^[\p{L}_$]/u.test(text) ? "word" : "mark";
};

/**
 * One line's tokens, white space included, so that their texts joined are the line. Each line is read for itself: what a
 * string or comment of several lines contains counts as code, unless it begins with `*`.
 */
export const tokenize = (line: string, languageId: string): Token[] => {
  const tokens: Token[] = [];
  const hasTags = isMarkup(languageId);
  const lineComment = hashComments.has(languageId) ? /^#/ : dashComments.has(languageId) ? /^--/ : /^\/[/*]/;
  const hasComments = !hasTags && languageId !== "json";
  let zone: Zone = prose.has(languageId) || hasTags ? "text" : "code";
  if (!hasTags && zone === "code" && /^\s*\*(?:\s|\/|$)/.test(line)) zone = "comment";
  let quote = "";
  // Places inside of a template literal, `${…}`, are code again.
  let templateDepth = 0;
  let isInTag = false;
  const push = (text: string, start: number, where: Zone) =>
    tokens.push({ text, start, kind: kindOf(text), zone: where });
  for (const { 0: text, index } of line.matchAll(pieces)) {
    const before = tokens.at(-1)?.text ?? "";
    if (zone === "comment" || prose.has(languageId)) push(text, index, zone);
    else if (quote !== "") {
      const isEnd = text === quote && before !== "\\";
      const isHole = quote === "`" && text === "{" && before.endsWith("$");
      push(text, index, isEnd || isHole ? "code" : "string");
      if (isEnd || isHole) quote = "";
      if (isHole) templateDepth = 1;
    } else if (hasTags && !isInTag) {
      isInTag = /^<\/?$/.test(text);
      push(text, index, isInTag ? "code" : "text");
    } else if (hasComments && lineComment.test(text)) {
      zone = "comment";
      push(text, index, zone);
    } else {
      push(text, index, "code");
      // A lifetime (`'a`) and an apostrophe between letters begin no string.
      const isLifetime = text === "'" && languageId === "rust";
      if (/^["'`]$/.test(text) && !isLifetime) quote = text;
      if (hasTags && text.endsWith(">")) isInTag = false;
      if (templateDepth > 0 && text === "{") templateDepth++;
      if (templateDepth > 0 && text === "}" && --templateDepth === 0) quote = "`";
    }
  }
  return tokens;
};

/** The tokens that are not white space. */
export const withoutSpace = (tokens: readonly Token[]): Token[] => tokens.filter(({ kind }) => kind !== "space");

const reserved = new Set(
  // Key words, literals and built-in types of the usual languages: nobody renames these.
  `abstract and any as async await bool boolean break byte case catch char chan class const continue def default defer del
  delete do double dyn elif else enum error except export extends false final finally float fn for from func function go
  goto i16 i32 i64 i8 if impl implements import in instanceof int int32 int64 interface is isize lambda let long loop map
  match mod move mut namespace never new nil none None not null number object of or override package pass private protected
  pub public raise range readonly ref return select self Self short signed static str string String struct super switch
  this throw throws trait true True False try type typeof u16 u32 u64 u8 undefined unknown unsafe unsigned use usize val
  var Vec virtual void where while with yield`.split(/\s+/),
);

/** Whether a token is a name that somebody chose. */
export const isName = ({ kind, text }: Token): boolean => kind === "word" && !reserved.has(text);

/** How many different chosen names there are. */
export const countNames = (tokens: readonly Token[]): number =>
  new Set(tokens.filter(isName).map(({ text }) => text)).size;

/** Units of white space at a line's beginning; undefined for an empty line, which belongs to every block. */
export const indentation = (line: string): number | undefined => {
  const units = line.search(/\S/);
  return units < 0 ? undefined : units;
};
