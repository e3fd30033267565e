import type { CommandName } from "./commands.ts";
import { createSpelling } from "./spelling.ts";

const words = (text: string): readonly string[] => text.split(" ");
const setOf = (text: string): ReadonlySet<string> => new Set(words(text));
const tableOf = (...rows: readonly (readonly [CommandName, string])[]): ReadonlyMap<string, CommandName> =>
  new Map(rows.flatMap(([command, names]) => words(names).map((name) => [name, command] as const)));

/** Said before what is wanted. */
const courtesies = setOf(
  "please pls plz can could would will you u hey hi hello ok okay just now lets let us i id we want would like to help me kindly quickly then and so also git should must am im",
);
/** A sentence that begins with one of these says by it what is wanted. */
const verbs = tableOf(
  ["explain", "explain clarify describe summarize summarise understand"],
  ["fix", "fix repair solve debug resolve correct"],
  ["tests", "test cover"],
  ["docs", "document comment annotate"],
  ["review", "review audit critique inspect check look find spot"],
  ["commit", "commit"],
);
/** After one of these it is the object that says what is wanted. */
const lightVerbs = setOf(
  "write add create generate make give show draft need needs suggest propose open get update increase improve do produce provide extend display see view compose prepare build",
);
const nouns = tableOf(
  ["explain", "explanation overview walkthrough summary"],
  ["fix", "fix patch"],
  ["tests", "test tests unittest unittests spec specs coverage pytest testcase testcases testing"],
  ["docs", "docs doc documentation docstring docstrings jsdoc javadoc tsdoc rustdoc godoc comment comments readme"],
  ["review", "review feedback opinion critique audit"],
  ["commit", "commit"],
  ["report", "report stats statistics latency metrics timings"],
);
const clauseWords = setOf("that which who to for so from in of with on about when where because if by as using");
const problems = setOf(
  "bug bugs error errors crash crashes crashing crashed throws throw throwing fail fails failing failed broken wrong exception exceptions warning warnings problem problems issue issues complains hang hangs leak leaks undefined segfault segfaults panics deadlock deadlocks",
);
/** Words that point at something in front of the person. */
const pointers = setOf(
  "this that it its these those here my our selection selected code file line function method class changes diff above below",
);
const metrics = setOf("fast slow slowly quick memory ram cost costs latency performance speed tokens money expensive");
const ownThings = setOf("hotpath request requests tokens answers");
const yesNoWords = setOf("is are does do did any would will should was were has have isnt arent");
const questionWords = setOf("what whats why whys how hows wtf where when which who");

const spelling = createSpelling(
  [
    ...verbs.keys(),
    ...lightVerbs,
    ...nouns.keys(),
    // Words that a known one is a slip away from.
    ...words("preview previews previewed except accept"),
  ],
  5,
);

// What a message wants is said at its beginning; what follows may be a pasted log.
const maxReadUnits = 300;

const wordsOf = (text: string): readonly string[] =>
  text
    .slice(0, maxReadUnits)
    .toLowerCase()
    .replaceAll(/['’`]/g, "")
    .split(/[^\p{L}\p{N}_&]+/u)
    .filter(Boolean);

/** The commands named by the object that begins at `from`: the last noun of each part that "and" or "or" joins. */
const objectsOf = (all: readonly string[], from: number): readonly CommandName[] => {
  const found: CommandName[] = [];
  let last: CommandName | undefined;
  const take = () => {
    if (last && !found.includes(last)) found.push(last);
    last = undefined;
  };
  for (const word of all.slice(from)) {
    if (clauseWords.has(word)) break;
    if (problems.has(word) || yesNoWords.has(word)) return [];
    if (word === "and" || word === "or" || word === "&") take();
    else last = nouns.get(word) ?? last;
  }
  take();
  return found;
};

/** "fix and explain": the verbs of a sentence that begins with one. */
const verbsAt = (all: readonly string[], first: CommandName, at: number): readonly CommandName[] => {
  const isJoined = ["and", "or", "&", "then"].includes(all[at + 1] ?? "");
  const second = isJoined ? verbs.get(all[at + 2] ?? "") : undefined;
  return second && second !== first ? [first, second] : [first];
};

const has = (all: readonly string[], some: ReadonlySet<string>): boolean => all.some((word) => some.has(word));
const hasPhrase = (spaced: string, ...phrases: readonly string[]): boolean =>
  phrases.some((phrase) => spaced.includes(` ${phrase} `));

const verbIntent = (all: readonly string[], at: number): readonly CommandName[] => {
  const head = all[at] ?? "";
  const verb = verbs.get(head);
  if (!verb) return [];
  const isAboutChanges = has(all, setOfChanges);
  if ((head === "describe" || head === "summarize" || head === "summarise") && isAboutChanges) return ["commit"];
  if (head === "comment" && all[at + 1] === "on") return ["docs", "review"];
  return verbsAt(all, verb, at);
};
const setOfChanges = setOf("changes diff staged");

/** What a message says, read as an order. */
const readOrder = (all: readonly string[], at: number): readonly CommandName[] => {
  const verb = verbIntent(all, at);
  if (verb.length > 0) return verb;
  const head = all[at] ?? "";
  if (["this", "it", "that", "code"].includes(head) && all[at + 1] === "needs") return objectsOf(all, at + 2);
  if (!lightVerbs.has(head)) return questionWords.has(head) ? [] : objectsOf(all, at);
  if (head === "make" && has(all, setOf("compile work pass green"))) return ["fix"];
  return objectsOf(all, at + 1);
};

/** What a message says, read as a question or a complaint. */
const readRemark = (all: readonly string[], spaced: string, isPointing: boolean): readonly CommandName[] => {
  const first = all[0] ?? "";
  if (hasPhrase(spaced, "how many tokens") || (has(all, metrics) && has(all, ownThings))) return ["report"];
  if (yesNoWords.has(first) && (isPointing || hasPhrase(spaced, "any", "there"))) return ["review"];
  if (hasPhrase(spaced, "could be improved", "can be improved", "to improve", "you think", "thoughts"))
    return ["review"];
  const isProblem =
    has(all, problems) ||
    all.some((word) => /\w(?:error|exception)$/.test(word)) ||
    hasPhrase(spaced, "not working", "doesnt work", "does not work", "doesnt compile", "wont compile", "not compile");
  if (isProblem) return ["fix"];
  if (hasPhrase(spaced, "walk me through", "break this down", "dont understand", "dont get", "do not understand")) {
    return ["explain"];
  }
  if (first === "break" && all.includes("down")) return ["explain"];
  const isTold = first === "tell" && all.some((word) => questionWords.has(word));
  return (questionWords.has(first) || isTold) && isPointing ? ["explain"] : [];
};

/**
 * The commands that a message in plain English may want: none, one, or several when it is not clear. Reads the first 300
 * characters.
 */
export const readIntent = (text: string): readonly CommandName[] => {
  const all = wordsOf(text).map((word) => spelling.correct(word) ?? word);
  const spaced = ` ${all.join(" ")} `;
  // A name in code points at something as well as "this" does.
  const isPointing = has(all, pointers) || /[a-z][A-Z]\w*|\w\(\)|\w_\w/.test(text.slice(0, maxReadUnits));
  const start = all.findIndex((word) => !courtesies.has(word));
  if (start < 0) return [];
  const rest = all.slice(start);
  const first = rest[0]!;
  if (first === "how" || first === "whats" || first === "what") {
    if (!isPointing && !hasPhrase(spaced, "commit message") && !has(all, ownThings)) return [];
    // "How would you test this" wants what "test this" wants.
    const asked = /^how (?:do|would|can|should|could) (?:i|you|we|u) /.exec(rest.join(" "));
    const order = asked ? verbIntent(rest, 3) : [];
    if (order.length > 0) return order;
  } else {
    const order = readOrder(rest, 0);
    if (order.length > 0) return order;
  }
  if (
    hasPhrase(spaced, "commit message", "commit msg") ||
    (spaced.includes(" message ") && spaced.includes(" commit "))
  ) {
    return ["commit"];
  }
  const asSaid = yesNoWords.has(all[0]!) && start > 0 ? all : rest;
  return readRemark(asSaid, spaced, isPointing);
};
