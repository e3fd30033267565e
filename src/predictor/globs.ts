/** A step of a glob's automaton: what one character must be, or, without `takes`, a free step; and the steps after it. */
type Step = { readonly takes?: (char: string) => boolean; readonly next: number[] };

/** All steps that a part of a path leads to, in their order, and what was found to follow. */
type State = { readonly numbers: readonly number[]; readonly after: Map<string, State> };

/** More than the paths of a project need; hostile ones must not fill the memory. */
const mostRemembered = 500;
/** Nobody writes a longer glob. */
const mostUnits = 1000;

const isAny = () => true;
const isNoSlash = (char: string) => char !== "/";
const isSlash = (char: string) => char === "/";

/** The steps of a glob in their order; the end is the number behind the last. Undefined: nobody can read the glob. */
const stepsOf = (pattern: string): readonly Step[] | undefined => {
  const steps: Step[] = [];
  const take = (takes: (char: string) => boolean) => steps.push({ takes, next: [steps.length + 1] });
  /** As often as wanted. */
  const repeat = (takes: (char: string) => boolean) => {
    const from = steps.length;
    steps.push({ next: [from + 1, from + 2] }, { takes, next: [from] });
  };
  /** Open choices: the step where each begins, and the steps where its parts end. */
  const choices: { readonly start: Step; readonly ends: Step[] }[] = [];
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const folders = /^(?:\*\*\/)+/.exec(rest)?.[0];
    const set = /^\[(!|\^)?([^\]/]+)\]/.exec(rest);
    const char = pattern.charAt(at);
    const choice = choices.at(-1);
    if (folders) {
      at += folders.length;
      const from = steps.length;
      steps.push({ next: [from + 1, from + 5] });
      take(isNoSlash);
      repeat(isNoSlash);
      steps.push({ takes: isSlash, next: [from] });
      continue;
    }
    if (rest === "/**") {
      steps.push({ next: [steps.length + 1, steps.length + 4] });
      take(isSlash);
      repeat(isAny);
      break;
    }
    at += set?.[0].length ?? 1;
    if (set) {
      try {
        const chars = new RegExp(`^[${set[1] ? "^/" : ""}${set[2]!.replaceAll(/[\\[\]^]/g, String.raw`\$&`)}]$`);
        take((one) => chars.test(one));
      } catch {
        return undefined;
      }
    } else if (char === "*" && pattern.charAt(at) === "*") {
      at++;
      repeat(isAny);
    } else if (char === "*") repeat(isNoSlash);
    else if (char === "?") take(isNoSlash);
    else if (char === "{") {
      const start: Step = { next: [steps.length + 1] };
      steps.push(start);
      choices.push({ start, ends: [] });
    } else if (char === "," && choice) {
      const end: Step = { next: [] };
      steps.push(end);
      choice.ends.push(end);
      choice.start.next.push(steps.length);
    } else if (char === "}" && choice) {
      choices.pop();
      for (const { next } of choice.ends) next.push(steps.length);
    } else take((one) => one === char);
  }
  return choices.length > 0 ? undefined : steps;
};

/**
 * What a glob as in VS Code's `files.exclude` matches: `*` and `?` stay within one name, `**` spans folders, `{a,b}` and
 * `[a-z]` choose; names that begin with a dot are names like any other. It is held against whole paths with `/`. The time
 * it takes grows with the glob's length times the path's, whatever the glob: an expression would go back and forth over
 * many stars for ever, and globs come from folders that nobody has looked at. Undefined: nobody can read the glob, or it
 * is longer than any that people write.
 */
export const globMatcher = (glob: string): ((path: string) => boolean) | undefined => {
  if (glob.length > mostUnits) return undefined;
  const steps = stepsOf(glob.replace(/^\.?\//, "").replace(/\/$/, ""));
  if (!steps) return undefined;
  /** What was reached before is remembered: paths begin and end alike. */
  let states = new Map<string, State>();
  let remembered = 0;

  const stateOf = (from: Iterable<number>): State => {
    const reached = new Set(from);
    // What free steps lead to is added while it is gone through.
    for (const number of reached) {
      const step = steps[number];
      if (step && !step.takes) for (const next of step.next) reached.add(next);
    }
    const numbers = [...reached].toSorted((a, b) => a - b);
    const key = numbers.join();
    let state = states.get(key);
    if (!state) {
      state = { numbers, after: new Map() };
      states.set(key, state);
    }
    return state;
  };

  const advance = (state: State, char: string): State => {
    if (++remembered > mostRemembered) {
      states = new Map();
      start = stateOf([0]);
      remembered = 0;
    }
    const next = stateOf(state.numbers.flatMap((number) => (steps[number]?.takes?.(char) ? steps[number].next : [])));
    state.after.set(char, next);
    return next;
  };

  let start = stateOf([0]);
  return (path) => {
    let state = start;
    for (let at = 0; at < path.length && state.numbers.length > 0; at++) {
      const char = path.charAt(at);
      state = state.after.get(char) ?? advance(state, char);
    }
    return state.numbers.at(-1) === steps.length;
  };
};
