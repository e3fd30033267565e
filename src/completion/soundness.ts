import { isMisplaced } from "./lineStart.ts";

type Rules = {
  /** Words that begin a statement and so cannot follow an operator. */
  readonly statementWords: ReadonlySet<string>;
  /** Words that cannot be a member's name. */
  readonly noMembers: ReadonlySet<string>;
  /** Operators written as words, which may follow a name or a string; undefined: any word may. */
  readonly operatorWords: ReadonlySet<string> | undefined;
  readonly tokens: RegExp;
  readonly comment: "//" | "#";
};

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const doubleQuoted = String.raw`"(?:\\.|[^"\\])*"`;
const string = String.raw`${doubleQuoted}|'(?:\\.|[^'\\])*'`;
const backquoted = "`(?:\\\\.|[^`\\\\])*`";
// A single quote is a character's or, in Rust, a lifetime's.
const character = String.raw`'(?:\\[^']+|[^'\\])'|'[a-z_]\w*`;
const slashComments = String.raw`//.*|/\*.*?(?:\*/|$)`;
const others = String.raw`[A-Za-z_$][\w$]*|\d[\w.]*|=>|\.{3}|\S`;
const tokens = (...kinds: readonly string[]): RegExp => new RegExp([...kinds, others].join("|"), "g");

const script: Rules = {
  statementWords: words("const let var if for while switch return throw break continue export import catch finally"),
  noMembers: words("this typeof"),
  operatorWords: words("in of instanceof as satisfies is extends implements from else"),
  tokens: tokens(slashComments, string, backquoted),
  comment: "//",
};

const python: Rules = {
  statementWords: words("if for while with return raise def class import try except elif del assert global"),
  noMembers: words(
    "if for while with return raise def class import try except elif else del assert global in is and or not as from lambda pass break continue yield",
  ),
  operatorWords: words("in is and or not if else for as import from async"),
  tokens: tokens("#.*", string),
  comment: "#",
};

const go: Rules = {
  statementWords: words("if for switch return var defer go goto break continue fallthrough package import select case"),
  noMembers: words(
    "if for switch return var const func defer go goto break continue package import select case else map chan range struct interface default",
  ),
  operatorWords: words("else"),
  tokens: tokens(slashComments, doubleQuoted, character, backquoted),
  comment: "//",
};

const rust: Rules = {
  statementWords: words("use mod struct enum trait"),
  noMembers: words(
    "as break const continue else enum fn for if impl in let loop match mod mut pub ref return static struct trait type use where while",
  ),
  operatorWords: words("as else if in"),
  tokens: tokens(slashComments, String.raw`r(#*)".*?"\1`, doubleQuoted, character),
  comment: "//",
};

const java: Rules = {
  statementWords: words("if for while return throw break continue try import package public private protected"),
  noMembers: words(
    "if for while return throw break continue try catch finally import package public private protected static final else switch case do",
  ),
  operatorWords: undefined,
  tokens: tokens(slashComments, doubleQuoted, character),
  comment: "//",
};

const c: Rules = {
  statementWords: words("if for while return switch break continue goto typedef"),
  noMembers: words("if for while return switch case break continue goto typedef else do const static struct"),
  operatorWords: undefined,
  tokens: tokens(slashComments, doubleQuoted, character),
  comment: "//",
};

// JSX has prose between its tags, so the React languages are not here.
const rulesOf: Readonly<Record<string, Rules>> = {
  typescript: script,
  javascript: script,
  python,
  go,
  rust,
  java,
  c,
  cpp: c,
};

// `*` before nearly anything is fine; a colon depends on how its line begins.
const operators = new Set(["(", "[", ",", "=", "+", "-", "/", "%", "&", "|", "!", "?", "=>", "<"]);
// What a comment does not follow without a space.
const beforeNoComment = { "//": /^[.<=]$/, "#": /^[.<=([]$/ };
const notCode = /^\s*(?:\*|\/\/|\/\*|#|@)|"""|'''/;
const labelled = /^\s*(?:case\b|default\b|[\w$]+\s*:)/;
const contextUnits = 200_000;
// The lines that a line stands under are nearer than this.
const nearUnits = 20_000;

/**
 * `text` up to where it stops being code: small models fall out of a line into another one, as in `size: const a = 1`.
 * Looks for what no line of the language has: a statement's first word behind an operator, a keyword as a member's
 * name, a comment right behind a dot or operator, a word right behind a string's quote or behind a member's name; and for
 * whole lines that cannot stand where they are.
 * Strings and comments that began above are left alone, and so are languages without rules here. Pure.
 */
export const soundPart = (text: string, prefix: string, languageId: string): string => {
  const rules = rulesOf[languageId];
  if (!rules) return text;
  const typed = prefix.slice(prefix.lastIndexOf("\n") + 1);
  const near = prefix.slice(-nearUnits);
  let offset = 0;
  for (const [index, part] of text.split("\n").entries()) {
    const from = index === 0 ? typed.length : 0;
    const isLast = offset + part.length === text.length;
    const line = index === 0 ? typed + part : part;
    const before = text.slice(0, offset);
    const above = index === 0 ? near.slice(0, near.length - typed.length) : near + before;
    const isWholeLine = index > 0 || typed.trim() === "";
    const end = isWholeLine && isMisplaced(line, above, languageId) ? 0 : breakIn(line, from, isLast, rules);
    if (end !== undefined && !isInside(prefix.slice(-contextUnits) + before)) {
      return end === 0 ? text.slice(0, Math.max(0, offset - 1)) : text.slice(0, offset + Math.max(from, end) - from);
    }
    offset += part.length + 1;
  }
  return text;
};

/**
 * Where `line` stops being code at or behind `from`, if it does. When it is the text's last, its last word may not be whole:
 * an answer ends where its tokens do, and a prediction where it is no longer sure.
 */
const breakIn = (line: string, from: number, isLast: boolean, rules: Rules): number | undefined => {
  if (notCode.test(line)) return undefined;
  let last = { text: "", start: 0, end: 0 };
  let isMember = false;
  for (const { 0: token, index: start } of line.matchAll(rules.tokens)) {
    const end = start + token.length;
    // An apostrophe, a string that goes on below, or a regular expression: from here on nothing is known.
    if (/^["'`]$/.test(token) || (token === "/" && !/[\w$)\]"'`]$/.test(last.text))) return undefined;
    if (end > from && last.text !== "") {
      const isWord = /^[\w$]/.test(token);
      const isWhole = !isLast || end < line.length;
      const isOperator = !rules.operatorWords || isAmong(token, isWhole, rules.operatorWords);
      if (rules.statementWords.has(token) && cannotBegin(line, last, start, end)) return last.end;
      if (last.text === "." && last.end === start && isWhole && rules.noMembers.has(token)) return last.end;
      if (token.startsWith(rules.comment) && start === last.end && beforeNoComment[rules.comment].test(last.text))
        return last.end;
      if (isWord && start === last.end && /["']$/.test(last.text) && !isOperator) return last.start;
      if (isMember && isWord && !isOperator && !isTag(line, last.end)) return last.start;
    }
    isMember = last.text === "." && last.end === start && /^[A-Za-z_$]/.test(token);
    last = { text: token, start, end };
  }
  return undefined;
};

const isAmong = (token: string, isWhole: boolean, known: ReadonlySet<string>): boolean =>
  isWhole ? known.has(token) : [...known].some((word) => word.startsWith(token));

/** True when a statement cannot begin with the word from `start` to `end`, behind the token `last`. */
const cannotBegin = (line: string, last: { text: string; start: number }, start: number, end: number): boolean => {
  // A property's or a method's name is no statement.
  if (!/^\s+["'`\w$({[]/.test(line.slice(end))) return false;
  if (last.text === ":")
    return !labelled.test(line) && /^(?:const|let|var|export|import)$/.test(line.slice(start, end));
  // A type parameter may be constant.
  if (/^[,<]$/.test(last.text) && line.slice(start, end) === "const") return !line.slice(0, start).includes("<");
  if (last.text === "(" && /\bfor\s*(?:await\s*)?$/.test(line.slice(0, last.start))) return false;
  return operators.has(last.text);
};

/** True when the name that ends here is that of a JSX tag, which attributes follow. */
const isTag = (line: string, end: number): boolean => /<\/?[\w$.]+$/.test(line.slice(0, end));

/** True when a string or comment that spans lines is open behind `code`, as far as counting tells. */
const isInside = (code: string): boolean =>
  ['"""', "'''", "`"].some((quote) => code.split(quote).length % 2 === 0) ||
  code.lastIndexOf("/*") > code.lastIndexOf("*/");
