import type { Change } from "./change.ts";
import { isKey, isLike, type Example } from "./replaceRule.ts";
import { inLine, type PlaceEdit, type Rule } from "./rule.ts";
import { isMember } from "./scope.ts";
import { isName, tokenize, withoutSpace, type Token } from "./tokens.ts";

const definition = /^(?:def|fn|func|function|class|new|async)$/;
const qualifier = /^(?:[\p{L}_$][\p{L}\p{N}_$]*(?:\.|::|->))+$/u;
// Words that change what they stand before and nothing else; others (`return`, `const x =`) begin another statement.
const unaryWord = /^(?:await|new)\s+$/;
const declarator =
  /^(?:const|let|var|val|mut|static|private|public|protected|readonly|def|fn|func|function|class|type)$/;
const maxArgumentTokens = 8;

/** The call that a place among its arguments belongs to. */
type Call = {
  /** The called name with the one it is reached through. */
  readonly path: string;
  /** How many arguments there are, and how many end before the place. */
  readonly count: number;
  readonly before: number;
};

/** @param tokens without white space @param at index of the token behind the place */
const callAround = (tokens: readonly Token[], at: number): Call | undefined => {
  let open = at - 1;
  let depth = 0;
  for (; open >= 0; open--) {
    const { text } = tokens[open]!;
    if (/^[)\]}]$/.test(text)) depth++;
    else if (/^[([{]$/.test(text) && depth-- === 0) break;
  }
  const callee = tokens[open - 1];
  if (tokens[open]?.text !== "(" || !callee || !isName(callee)) return undefined;
  const head = isMember(tokens, open - 1) ? tokens[open - 3] : undefined;
  if (definition.test((head ?? tokens[open - 2])?.text ?? "")) return undefined;
  let commas = 0;
  let before = 0;
  let close = open + 1;
  depth = 0;
  for (; close < tokens.length; close++) {
    const { text, zone } = tokens[close]!;
    if (zone !== "code") continue;
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text) && depth-- === 0) break;
    else if (text === "," && depth === 0) {
      commas++;
      if (close < at) before++;
    }
  }
  // A call that goes on in the next line has more arguments than can be seen; one before a block is a definition.
  if (close === tokens.length || tokens[close + 1]?.text === "{") return undefined;
  const count = close === open + 1 ? 0 : commas + 1;
  return { path: `${head ? `${head.text}.` : ""}${callee.text}`, count, before: at === close ? count : before };
};

type Fits = (tokens: readonly Token[], at: number) => boolean;

const isCallOf = (tokens: readonly Token[], at: number, path: readonly string[]): boolean =>
  path.every((text, index) => tokens[at + index]?.text === text);

/** The called path that begins with a token, up to its bracket. */
const pathFrom = (tokens: readonly Token[]): string[] => {
  const end = tokens.findIndex(({ kind, text }) => kind !== "word" && text !== "." && text !== "::");
  return tokens.slice(0, end < 0 ? tokens.length : end + 1).map(({ text }) => text);
};

const isComma = (token: Token | undefined): boolean => token?.text === ",";

const argumentFits = ({ change, earlier }: Example): Fits | undefined => {
  const around = [...change.left, ...change.right];
  if (!isComma(change.added[0]) && !isComma(change.added.at(-1))) return undefined;
  const call = callAround(around, change.left.length);
  if (!call) return undefined;
  // Texts and what is made on the spot differ from call to call.
  const isPortable =
    change.added.length <= maxArgumentTokens &&
    change.added.every(({ zone, text }) => zone === "code" && !/["'`(]/.test(text));
  if (!isPortable && earlier.length === 0) return undefined;
  return (tokens, at) => {
    const other = callAround(tokens, at);
    return other?.path === call.path && other.count === call.count && other.before === call.before;
  };
};

const prefixFits = ({ change, languageId }: Example): Fits | undefined => {
  const [right] = change.right;
  if (change.hangsLeft || !right || !isName(right) || isMember(change.left, change.left.length)) return undefined;
  const isQualifier = qualifier.test(change.addedText);
  if (!isQualifier && !unaryWord.test(change.addedText)) return undefined;
  const path = isQualifier ? [right.text] : pathFrom(change.right);
  if (!isQualifier && path.at(-1) !== "(" && change.addedText.startsWith("new")) return undefined;
  const word = change.added.at(isQualifier ? -2 : -1)?.text;
  return (tokens, at) => {
    const left = tokens[at - 1];
    if (isMember(tokens, at) || left?.text === word || declarator.test(left?.text ?? "")) return false;
    if (!isCallOf(tokens, at, path)) return false;
    return (
      !isQualifier || !(tokens[at + 1]?.text === ":" || isKey(tokens.slice(0, at), tokens.slice(at + 1), languageId))
    );
  };
};

const suffixFits = ({ change }: Example): Fits | undefined => {
  const left = change.left.at(-1);
  const [right] = change.right;
  // Behind a name and before what goes on from it: `user.` becomes `user?.`, `map[` becomes `map?.[`.
  if (!left || !isName(left) || !right || !/^[.[(]$/.test(right.text)) return undefined;
  if (isMember(change.left, change.left.length - 1)) return undefined;
  return (tokens, at) =>
    tokens[at - 1]?.text === left.text && tokens[at]?.text === right.text && !isMember(tokens, at - 1);
};

const severalFits = ({ change, earlier }: Example): Fits | undefined => {
  if (earlier.length === 0) return undefined;
  const examples = [...earlier, change];
  const lefts = examples.map(({ left }) => left.at(-1));
  const rights = examples.map(({ right }) => right[0]);
  // One side at least must be the same every time, or nothing says where the change belongs.
  const isAnchored = [lefts, rights].some((side) => side[0] && side.every((token) => token?.text === side[0]?.text));
  if (!isAnchored) return undefined;
  const { indentation } = change;
  const isSameDepth = examples.every((example) => example.indentation === indentation);
  return (tokens, at) =>
    isLike(tokens[at - 1], lefts) && isLike(tokens[at], rights) && (!isSameDepth || tokens[0]?.start === indentation);
};

/** Where an insertion goes when `at` is the token behind it. */
const columnAt = (change: Change, tokens: readonly Token[], at: number, line: string): number => {
  const left = tokens[at - 1];
  if (change.hangsLeft && left) return left.start + left.text.length;
  return tokens[at]?.start ?? line.trimEnd().length;
};

/** What a line must contain to be worth reading: the called name, the name beside the place, or nothing in particular. */
const needleOf = (change: Change, kind: "argument" | "name" | "several"): string => {
  if (kind === "several") return "";
  const call = kind === "argument" ? callAround([...change.left, ...change.right], change.left.length) : undefined;
  if (call) return call.path.split(".").at(-1)!;
  return [change.right[0], change.left.at(-1)].find((token) => token && isName(token))?.text ?? "";
};

/** The rule of a change that only put something in, if it says enough. */
export const insertRule = (example: Example): Rule | undefined => {
  const { change, lines, languageId } = example;
  if (change.zone === "comment" || change.zone === "text") return undefined;
  // Inside of brackets a comma makes it an argument, whatever else it looks like.
  const asArgument = argumentFits(example);
  const asAffix = asArgument ? undefined : (prefixFits(example) ?? suffixFits(example));
  const fits = asArgument ?? asAffix ?? severalFits(example);
  if (!fits) return undefined;
  const minIndentation = Math.min(change.indentation, 1);
  return {
    needle: needleOf(change, asArgument ? "argument" : asAffix ? "name" : "several"),
    within: { from: 0, to: lines.length },
    placesIn(line) {
      const text = lines[line]!;
      const tokens = withoutSpace(tokenize(text, languageId));
      const places: PlaceEdit[] = [];
      if (tokens.length === 0 || tokens[0]!.start < minIndentation) return places;
      for (let at = 0; at <= tokens.length; at++) {
        const zone = (tokens[at] ?? tokens[at - 1])!.zone;
        if (zone !== change.zone || !fits(tokens, at)) continue;
        const column = columnAt(change, tokens, at, text);
        const isThere =
          text.startsWith(change.addedText, column) || text.slice(0, column).endsWith(change.addedText.trimEnd());
        if (!isThere) places.push(inLine(line, column, column, change.addedText));
      }
      return places;
    },
  };
};
