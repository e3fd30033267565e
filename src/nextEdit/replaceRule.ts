import type { Change } from "./change.ts";
import { inLine, type PlaceEdit, type Rule } from "./rule.ts";
import { isMember, scopeAt, type Lines } from "./scope.ts";
import { countNames, indentation, isMarkup, isName, tokenize, withoutSpace, type Token } from "./tokens.ts";

/** What a rule is derived from. */
export type Example = {
  readonly change: Change;
  /** Earlier changes of the same kind, the newest last. */
  readonly earlier: readonly Change[];
  /** The document as it is now. */
  readonly lines: readonly string[];
  readonly languageId: string;
  /** Whether none of the added names stood in the document before the first of these changes. */
  readonly isFresh: boolean;
};

/** Whether the tokens around a place are such that the change belongs there. */
type Fits = (left: readonly Token[], right: readonly Token[], line: number) => boolean;

/** A literal this long that is more than digits is hardly the same by chance. */
const specificUnits = 4;

/** The text of the path that leads to a member, such as `user.address.`. */
const pathBefore = (left: readonly Token[]): string => {
  let path = "";
  let at = left.length;
  while (at > 0 && isMember(left, at)) {
    path = (left[at - 2]?.text ?? "") + left[at - 1]!.text + path;
    at -= 2;
  }
  return path;
};

/** Whether a neighbour is as all examples had it: the same, or at least of the same kind. */
export const isLike = (candidate: Token | undefined, examples: readonly (Token | undefined)[]): boolean => {
  const [first] = examples;
  if (examples.every((example) => example?.text === first?.text)) return candidate?.text === first?.text;
  return !examples.every((example) => example?.kind === first?.kind) || candidate?.kind === first?.kind;
};

/** True in a literal such as `{ name, … }`, where a name is a key as well. */
export const isKey = (left: readonly Token[], right: readonly Token[], languageId: string): boolean => {
  if (!/^(?:java|type)script/.test(languageId)) return false;
  if (left.at(-1)?.text === ":") return false;
  let depth = 0;
  for (let at = left.length - 1; at >= 0; at--) {
    const { text } = left[at]!;
    if (/^[)\]}]$/.test(text)) depth++;
    else if (/^[([{]$/.test(text)) depth--;
    // `${` begins a place in a template, no literal.
    if (depth < 0) return text === "{" && left[at - 1]?.text !== "$" && /^[:,}]$/.test(right[0]?.text ?? "");
  }
  return right[0]?.text === ":" && left.length === 0;
};

const classBody =
  /^\s*(?:(?:export|abstract|default|public|final|data|pub)\s+)*(?:class|interface|struct|trait|impl)\b/;

/** Whether the line is a member's declaration, which is used through `this` or `self`. */
const isMemberDeclaration = (lines: readonly string[], line: number, left: readonly Token[]): boolean => {
  const own = indentation(lines[line]!) ?? 0;
  const owner = lines.slice(0, line).findLast((text) => (indentation(text) ?? own) < own);
  return owner !== undefined && classBody.test(owner) && left.every(({ kind }) => kind === "word");
};

const renameFits = ({ change, lines, languageId }: Example): Fits | undefined => {
  const path = pathBefore(change.left);
  if (path !== "") {
    return /^[)\].]/.test(path) ? undefined : (left) => pathBefore(left) === path;
  }
  if (isMemberDeclaration(lines, change.line, change.left)) {
    return (left) => /^(?:this|self)\.$/.test(pathBefore(left));
  }
  return (left, right) => !isMember(left, left.length) && !isKey(left, right, languageId);
};

const oneExample = (example: Example): Fits | undefined => {
  const { change, isFresh, languageId } = example;
  const [only] = change.removed;
  const [instead] = change.added;
  if (change.zone === "comment" || change.zone === "text" || !only) return undefined;
  const sameSides: Fits = (left, right) =>
    isLike(left.at(-1), [change.left.at(-1)]) && isLike(right[0], [change.right[0]]);
  const isOne = change.removed.length === 1 && change.added.length === 1;
  if (isOne && isName(only) && instead && isName(instead)) {
    if (!isFresh || isListEntry(change) || isImport(change)) return undefined;
    if (change.zone === "code") return renameFits(example);
    if (isMarkup(languageId)) return (left) => isLike(left.at(-1), [change.left.at(-1)]);
    // A whole literal may be another one for a reason of its own; a part of an address or a path hardly is.
    const isPart = [change.left.at(-1), change.right[0]].every((side) => side && !/^["'`]$/.test(side.text));
    return isPart ? sameSides : undefined;
  }
  const isSpecific = only.text.length >= specificUnits && /\P{N}/u.test(only.text);
  if (isOne && only.kind === "number" && instead?.kind === "number" && isSpecific) return sameSides;
  const isOtherPath = isPath(change.removed) && isPath(change.added) && countNames(change.removed) >= 2;
  if (!isOtherPath || change.zone !== "code") return undefined;
  return (left) => isMember(left, left.length) === isMember(change.left, change.left.length);
};

/** A name that is imported for another: the uses of the old one are written anew rather than renamed. */
const isImport = ({ left, zone }: Change): boolean =>
  zone === "code" && /^(?:import|from|use|using)$/.test(left[0]?.text ?? "");

/** An entry of a list that has a line to itself: that another one stands there now says nothing about other places. */
const isListEntry = ({ left, right }: Change): boolean => left.length === 0 && right.every(({ text }) => text === ",");

/** Whether the tokens are names and what leads from one to the next, such as `console.log`. */
const isPath = (tokens: readonly Token[]): boolean =>
  tokens.length > 0 && tokens.every(({ kind }, at) => (at % 2 === 0 ? kind === "word" : isMember(tokens, at + 1)));

const severalExamples = ({ change, earlier, languageId }: Example): Fits | undefined => {
  const examples = [...earlier, change];
  if (examples.length < 2 || change.zone === "comment") return undefined;
  const lefts = examples.map(({ left }) => left.at(-1));
  const rights = examples.map(({ right }) => right[0]);
  // Nothing that is the same every time says where a name belongs; key words and operators are their own sign.
  const isAnchored = [lefts, rights].some((side) => side.every((token) => token?.text === side[0]?.text));
  if (!isAnchored && change.removed.some(isName)) return undefined;
  return (left, right) =>
    isLike(left.at(-1), lefts) &&
    isLike(right[0], rights) &&
    // Another receiver is fine, no receiver at all is something else.
    isMember(left, left.length) === isMember(change.left, change.left.length) &&
    !(change.zone === "code" && isKey(left, right, languageId) && !isKey(change.left, change.right, languageId));
};

/** Whether what would be replaced is a part of what it would be replaced by: the change was made here already. */
const isThere = (line: string, start: number, { removedText, addedText }: Change): boolean => {
  for (let at = addedText.indexOf(removedText); at >= 0; at = addedText.indexOf(removedText, at + 1)) {
    if (start >= at && line.startsWith(addedText, start - at)) return true;
  }
  return false;
};

/** Units at which a text stands in a line on token boundaries, in the example's zone. */
const placesOf = (change: Change, lines: readonly string[], languageId: string, fits: Fits) => (line: number) => {
  const text = lines[line]!;
  const tokens = tokenize(text, languageId);
  const ends = new Set(tokens.map((token) => token.start + token.text.length));
  const places: PlaceEdit[] = [];
  let endOfLast = 0;
  for (const [index, { start, zone }] of tokens.entries()) {
    const end = start + change.removedText.length;
    if (zone !== change.zone || start < endOfLast || !text.startsWith(change.removedText, start) || !ends.has(end))
      continue;
    if (isThere(text, start, change)) continue;
    const left = withoutSpace(tokens.slice(0, index));
    const right = withoutSpace(tokens.filter((token) => token.start >= end));
    if (!fits(left, right, line)) continue;
    places.push(inLine(line, start, end, change.addedText));
    endOfLast = end;
  }
  return places;
};

/** The rule of a change that took something away or exchanged it, if it says enough. */
export const replaceRule = (example: Example): Rule | undefined => {
  const { change, lines, languageId } = example;
  const fits = oneExample(example) ?? severalExamples(example);
  if (!fits) return undefined;
  const isRename = change.zone === "code" && change.removed.length === 1 && isName(change.removed[0]!);
  const whole: Lines = { from: 0, to: lines.length };
  const within = isRename
    ? scopeAt(
        lines,
        change.line,
        [...change.left, ...change.added, ...change.right],
        change.left.length,
        [change.removedText, change.addedText],
        languageId,
      )
    : whole;
  return { needle: change.removedText, within, placesIn: placesOf(change, lines, languageId, fits) };
};
