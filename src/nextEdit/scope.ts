import { indentation, isName, maxLineUnits, maxReadNs, readNs, tokenize, withoutSpace, type Token } from "./tokens.ts";

/** Lines of a document, from the first to behind the last. */
export type Lines = { readonly from: number; readonly to: number };

const valueDeclarators = new Set(["const", "let", "var", "val", "mut", "static"]);
const namedDeclarators = new Set(
  "class def enum fn func function impl interface struct trait type record module namespace".split(" "),
);
const accessors = new Set([".", "->", "::", "?."]);
const searchUpLines = 400;

/** Whether the name at `at` is reached through another one. */
export const isMember = (tokens: readonly Token[], at: number): boolean => accessors.has(tokens[at - 1]?.text ?? "");

/** How the name at a place comes into being there: `value` and `named` in the block around, `inner` in the one that opens. */
type Declaration = "value" | "named" | "inner" | "line" | undefined;

const isHeader = (lines: readonly string[], line: number): boolean => {
  const own = indentation(lines[line]!) ?? 0;
  const next = lines.slice(line + 1, line + 4).find((text) => indentation(text) !== undefined);
  return next !== undefined && indentation(next)! > own;
};

const openParens = (tokens: readonly Token[], at: number): number =>
  tokens.slice(0, at).reduce((depth, { text }) => depth + (text === "(" ? 1 : text === ")" ? -1 : 0), 0);

/** @param tokens without white space */
const declarationAt = (lines: readonly string[], line: number, tokens: readonly Token[], at: number): Declaration => {
  const left = tokens[at - 1]?.text ?? "";
  const right = tokens[at + 1]?.text ?? "";
  if (isMember(tokens, at)) return undefined;
  if (namedDeclarators.has(left)) return "named";
  if (valueDeclarators.has(left)) return "value";
  const isFunction = tokens.some(({ text }) => ["def", "fn", "func", "function", "=>", "lambda", "|"].includes(text));
  const opens = isHeader(lines, line);
  const isParameter = openParens(tokens, at) > 0 && /^[(,*&]|^\.$/.test(left) && !/^[.([]/.test(right);
  if (isParameter && (isFunction || (opens && /^\s*(?:\w+\s+)*\w+\s*\(/.test(lines[line]!)))) {
    return opens && !/^\s*(?:if|while|switch|return|elif)\b/.test(lines[line]!) ? "inner" : "line";
  }
  const isLoop = opens && /^(?:for|with|catch|except)$/.test(tokens[0]?.text ?? "");
  if (isLoop && tokens.slice(0, at).every(({ text }) => !/^(?:in|of|=|:=)$/.test(text))) return "inner";
  if (right === ":=") return "value";
  return at === 0 && right === "=" ? "value" : undefined;
};

/** The lines around `line` that are indented as deep as it, or deeper. */
const blockAround = (lines: readonly string[], line: number): Lines => {
  const depth = indentation(lines[line]!) ?? 0;
  if (depth === 0) return { from: 0, to: lines.length };
  let from = line;
  while (from > 0 && (indentation(lines[from - 1]!) ?? depth) >= depth) from--;
  let to = line + 1;
  while (to < lines.length && (indentation(lines[to]!) ?? depth) >= depth) to++;
  return { from, to };
};

/** A header and the deeper lines below it. */
const blockOf = (lines: readonly string[], header: number): Lines => {
  const depth = indentation(lines[header]!) ?? 0;
  let to = header + 1;
  while (to < lines.length && (indentation(lines[to]!) ?? depth + 1) > depth) to++;
  return { from: header, to };
};

const scopeOf = (lines: readonly string[], line: number, declaration: Declaration): Lines => {
  if (declaration === "inner") return blockOf(lines, line);
  return declaration === "line" ? { from: line, to: line + 1 } : blockAround(lines, line);
};

/**
 * Where a name means the same as at this place, judged by indentation. Where it is used, the nearest line above that
 * declares it counts; without one, the whole document.
 * @param names as it was before it was changed at this place, and as it is now: its declaration may have either
 */
export const scopeAt = (
  lines: readonly string[],
  line: number,
  tokens: readonly Token[],
  at: number,
  names: readonly string[],
  languageId: string,
): Lines => {
  const whole = { from: 0, to: lines.length };
  if (isMember(tokens, at)) return whole;
  const declaration = declarationAt(lines, line, tokens, at);
  if (declaration) return scopeOf(lines, line, declaration);
  let depth = indentation(lines[line]!) ?? 0;
  let leftNs = maxReadNs;
  for (let above = line - 1; above >= Math.max(0, line - searchUpLines) && leftNs > 0; above--) {
    const units = indentation(lines[above]!);
    if (units === undefined || units > depth) continue;
    depth = units;
    if (lines[above]!.length > maxLineUnits) continue;
    if (!names.some((name) => lines[above]!.includes(name))) continue;
    leftNs -= readNs(lines[above]!);
    const found = withoutSpace(tokenize(lines[above]!, languageId));
    for (const [index, token] of found.entries()) {
      if (!names.includes(token.text) || !isName(token)) continue;
      const declared = declarationAt(lines, above, found, index);
      if (declared && declared !== "line") return scopeOf(lines, above, declared);
    }
  }
  return whole;
};
