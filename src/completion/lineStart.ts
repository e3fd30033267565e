import { bracketBalance } from "./brackets.ts";
import { indentation } from "./lines.ts";

/** What a line opens for those that stand further in below it. */
type Opened = "expression" | "members" | "method" | "block" | "switch";

type Rules = {
  /** What `header` opens, which has no comment behind it; undefined: that cannot be told. */
  readonly openedBy: (header: string) => Opened | undefined;
  /** What no line begins with in there. */
  readonly never: Readonly<Partial<Record<Opened | "margin", RegExp>>>;
  /** Operators that no line begins with when the one above it is over. */
  readonly operators?: RegExp;
};

// A statement's first word and what follows it there, but neither a name's `:`, `(` or `,` nor an operator written as a word.
const scriptStatement =
  /^(?:(?:if|for|while|switch) \(|(?:const|let|var|return|throw|export|import|type|interface|enum) +(?!(?:in|as|of|from|extends)\b)["'`\w${[]|(?:try|do) \{|(?:break|continue);)/;
const beforeExpression =
  /(?:[([,?|&<:]|(?<![=!<>])=|\b(?:return|extends|as|satisfies|in|of|new|await|default|yield|is))$/;

const script: Rules = {
  openedBy(header) {
    if (/^(?:export |default |abstract )*class\b.*\{$/.test(header)) return "members";
    if (/^for(?: await)? ?\($|^(?:import|export)\b[^=(]*\{$/.test(header)) return undefined;
    if (/[([]$/.test(header)) return "expression";
    if (/^(?:if|for|while) \(.*\)$|^else$/.test(header)) return "block";
    if (!header.endsWith("{")) return undefined;
    const before = header.slice(0, -1).trimEnd();
    if (/^switch \(.*\)$/.test(before)) return "switch";
    if (/^(?:case\b.*|default):$/.test(before)) return "block";
    if (beforeExpression.test(before)) return "expression";
    return /(?:\)|=>|\belse|\btry|\bfinally|\bdo)$/.test(before) ? "block" : undefined;
  },
  never: {
    expression: scriptStatement,
    members: new RegExp(`${scriptStatement.source}|^(?:super\\(|this\\.)`),
    block: /^(?:export|import) +["'`\w{*]/,
  },
  // Some write a generator's name behind a star and a space.
  operators: /^(?:(?:\?|:|&&|\|\||\?\?|=>|instanceof) |\.[a-z]|\*(?:\/| (?!(?:[\w$#]+|\[[^\]]*(?:\]|$)) ?(?:\(|$))))/,
};

const python: Rules = {
  openedBy(header) {
    if (/[([{]$/.test(header)) return "expression";
    return /^(?:async )?def \w+\(self\b.*:$/.test(header) ? "method" : undefined;
  },
  never: {
    // A clause of a comprehension may begin a line.
    expression:
      /^(?:(?:while|with|return|raise|def|class|except|elif|del|assert|global|import) +["'\w([{]|(?:try|finally):)/,
    method: /^def \w+\(self\b/,
  },
};

const go: Rules = {
  openedBy(header) {
    if (/\bstruct ?\{$/.test(header)) return "members";
    if (/^(?:import|const|var|type) \($|\binterface ?\{$/.test(header)) return undefined;
    if (/^(?:switch\b.*|select) \{$/.test(header)) return "switch";
    if (/[([]$/.test(header)) return "expression";
    // Formatted code has a space before a block's bracket and none before a literal's; a block is told by its word, too.
    if (/^(?:\} ?)?(?:if|for|else|switch|select|func|go|defer|case)\b|\bfunc ?\(/.test(header)) return undefined;
    return /[\w\]}]\{$/.test(header) ? "expression" : undefined;
  },
  never: {
    margin: /^(?:func +[\w(]|package +\w|import +[("])/,
    expression: /^(?:if|for|switch|return|var|defer|go|const|select|break|continue)\b(?! *[:,(.])/,
    members: /^(?:(?:if|for|switch|return|defer|go) |[\w.]+ (?:=|:=|\+=) )/,
  },
};

const rust: Rules = {
  openedBy(header) {
    // A macro takes any tokens, and its patterns begin with a bracket alone.
    if (/(?<!^|[$!] ?)[([]$/.test(header)) return "expression";
    return /^(?:unsafe )?impl\b.*\{$|^(?:pub(?:\([\w: ]+\))? )?(?:unsafe )?trait\b.*\{$/.test(header)
      ? "members"
      : undefined;
  },
  never: {
    expression: /^(?:let|use|mod|struct|enum) +\w/,
    members: /^(?:let|if|for|match|return|while|loop|struct|enum|impl|mod|self|Ok|Some|Err|None)\b/,
  },
};

const rulesOf: Readonly<Record<string, Rules>> = {
  typescript: script,
  javascript: script,
  python,
  go,
  rust,
};

const maxLinesUp = 120;
const comment = /^(?:\/\/|\/\*|#|@)/;
const closer = /^[)\]}]/;
// Or the beginning of one: a text may end anywhere.
const label = /^(?:case\b|default\b|(?:c|ca|cas|d|de|def|defa|defau|defaul)$)/;
const isOver = /[;{]$/;
// A loop or a declaration directly in its own copy: a model that goes round in circles. A loop without a name of its own
// may well stand in another such one.
const copied =
  /^(?:(?:export|async|static|public|private|protected)\b.*|(?:for(?! _ (?:in|=) | range )|def|class|func|fn|function)\b.{6,})[{:(]$/;

/** Without a comment at its end, and the white space around it. */
const bare = (line: string, languageId: string): string =>
  line.replace(languageId === "python" ? /(?:^|\s)#.*/ : /(?:^|\s)\/\/.*/, "").trim();

/**
 * True when `line` cannot stand below `above`, which ends with a line's end: a statement inside of an expression's brackets
 * or among a class's members, something else than a case at the beginning of a switch, an operator where the line above is
 * over, a copy of the line that it stands under. What a line stands in is told by indentation and its brackets; where that
 * cannot be told, anything can stand. Strings and comments that began above are the caller's. Pure.
 */
export const isMisplaced = (line: string, above: string, languageId: string): boolean => {
  const rules = rulesOf[languageId];
  const text = line.trim();
  if (!rules || text === "" || comment.test(text) || closer.test(text)) return false;
  const column = indentation(line);
  if (column === 0) return false;
  if (rules.never.margin?.test(text)) return true;
  let isNext = true;
  for (let up = 0, end = above.length; up < maxLinesUp && end > 0; up++) {
    const start = above.lastIndexOf("\n", end - 2) + 1;
    const earlier = above.slice(start, end);
    end = start;
    const header = bare(earlier, languageId);
    if (header === "" || /^(?:\/\*|\*)/.test(header)) continue;
    const at = indentation(earlier);
    const opened = isNext || at < column ? rules.openedBy(header) : undefined;
    if (isNext && opened === "switch" && at <= column) return !label.test(text);
    if (isNext && isOver.test(header) && rules.operators?.test(text)) return true;
    isNext = false;
    if (at >= column) continue;
    if (header === text && copied.test(text)) return true;
    if (opened === undefined || !rules.never[opened]?.test(text)) return false;
    // The bracket has to be open still, and nothing behind it.
    return (
      opened === "method" || (bracketBalance(above.slice(start), languageId).openAt.at(-1) ?? Infinity) < earlier.length
    );
  }
  return false;
};
