type Rules = {
  /** Words that begin a statement and so cannot follow an operator. */
  readonly statementWords: ReadonlySet<string>;
  /** Operators written as words, which may follow a name or a string. */
  readonly operatorWords: ReadonlySet<string>;
  readonly tokens: RegExp;
  readonly comment: "//" | "#";
};

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const string = String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`;
const others = String.raw`[A-Za-z_$][\w$]*|\d[\w.]*|=>|\.{3}|\S`;

const script: Rules = {
  statementWords: words("const let var if for while switch return throw break continue export import catch finally"),
  operatorWords: words("in of instanceof as satisfies is extends implements from else"),
  tokens: new RegExp(`//.*|/\\*.*?(?:\\*/|$)|${string}|\`(?:\\\\.|[^\`\\\\])*\`|${others}`, "g"),
  comment: "//",
};

const python: Rules = {
  statementWords: words("if for while with return raise def class import try except elif del assert global"),
  operatorWords: words("in is and or not if else for as import from async"),
  tokens: new RegExp(`#.*|${string}|${others}`, "g"),
  comment: "#",
};

// JSX has prose between its tags, so the React languages are not here.
const rulesOf: Readonly<Record<string, Rules>> = { typescript: script, javascript: script, python };

// `<` before `const` and `*` before nearly anything are fine; a colon depends on how its line begins.
const operators = new Set(["(", "[", ",", "=", "+", "-", "/", "%", "&", "|", "!", "?", "=>"]);
const notCode = /^\s*(?:\*|\/\/|\/\*|#|@)|"""|'''/;
const labelled = /^\s*(?:case\b|default\b|[\w$]+\s*:)/;
const contextUnits = 200_000;

/**
 * `text` up to where it stops being code: small models fall out of a line into another one, as in `size: const a = 1`.
 * Looks for four things no JavaScript, TypeScript or Python line has: a statement's first word behind an operator, a
 * comment right behind a dot or operator, a word right behind a string's quote, and a word behind a member's name.
 * Strings and comments that began above are left alone, and so are all other languages. Pure.
 */
export const soundPart = (text: string, prefix: string, languageId: string): string => {
  const rules = rulesOf[languageId];
  if (!rules) return text;
  const typed = prefix.slice(prefix.lastIndexOf("\n") + 1);
  let offset = 0;
  for (const [index, part] of text.split("\n").entries()) {
    const from = index === 0 ? typed.length : 0;
    const end = breakIn(index === 0 ? typed + part : part, from, rules);
    if (end !== undefined && !isInside(prefix.slice(-contextUnits) + text.slice(0, offset))) {
      return text.slice(0, offset + Math.max(from, end) - from);
    }
    offset += part.length + 1;
  }
  return text;
};

/** Where `line` stops being code at or behind `from`, if it does. */
const breakIn = (line: string, from: number, rules: Rules): number | undefined => {
  if (notCode.test(line)) return undefined;
  let last = { text: "", start: 0, end: 0 };
  let isMember = false;
  for (const { 0: token, index: start } of line.matchAll(rules.tokens)) {
    const end = start + token.length;
    // An apostrophe, a string that goes on below, or a regular expression: from here on nothing is known.
    if (/^["'`]$/.test(token) || (token === "/" && !/[\w$)\]"'`]$/.test(last.text))) return undefined;
    if (end > from && last.text !== "") {
      const isWord = /^[\w$]/.test(token);
      const isOperator = rules.operatorWords.has(token);
      if (rules.statementWords.has(token) && cannotBegin(line, last, start, end)) return last.end;
      if (token.startsWith(rules.comment) && start === last.end && /^[.<=]$/.test(last.text)) return last.end;
      if (isWord && start === last.end && /["']$/.test(last.text) && !isOperator) return last.start;
      if (isMember && isWord && !isOperator && !isTag(line, last.end)) return last.start;
    }
    isMember = last.text === "." && last.end === start && /^[A-Za-z_$]/.test(token);
    last = { text: token, start, end };
  }
  return undefined;
};

/** True when a statement cannot begin with the word from `start` to `end`, behind the token `last`. */
const cannotBegin = (line: string, last: { text: string; start: number }, start: number, end: number): boolean => {
  // A property's or a method's name is no statement.
  if (!/^\s+["'`\w$({[]/.test(line.slice(end))) return false;
  if (last.text === ":")
    return !labelled.test(line) && /^(?:const|let|var|export|import)$/.test(line.slice(start, end));
  // A type parameter may be constant.
  if (last.text === "," && line.slice(start, end) === "const") return !line.slice(0, start).includes("<");
  if (last.text === "(" && /\bfor\s*(?:await\s*)?$/.test(line.slice(0, last.start))) return false;
  return operators.has(last.text);
};

/** True when the name that ends here is that of a JSX tag, which attributes follow. */
const isTag = (line: string, end: number): boolean => /<\/?[\w$.]+$/.test(line.slice(0, end));

/** True when a string or comment that spans lines is open behind `code`, as far as counting tells. */
const isInside = (code: string): boolean =>
  ['"""', "'''", "`"].some((quote) => code.split(quote).length % 2 === 0) ||
  code.lastIndexOf("/*") > code.lastIndexOf("*/");
