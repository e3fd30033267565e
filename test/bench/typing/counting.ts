import type { Recording } from "./yardstick.ts";

/** What was on screen when a planned pause of 300 ms or more was over. */
export type Pause = {
  readonly kind: PauseKind;
  /** The line with the cursor as `‸`, and what comes next. */
  readonly line: string;
  readonly shown: string;
  readonly isRight: boolean;
  /** All of it, not only its first line. */
  readonly isWhole: boolean;
};

export type PauseKind = "line start" | "line end" | "behind a sign" | "behind a blank" | "in a word";

/** A right text that left the screen though it was not typed out. */
export type Vanished = {
  readonly file: string;
  readonly atMs: number;
  readonly sinceKeyMs: number;
  readonly line: string;
  readonly before: string;
  readonly after: string;
  /** Undefined: it never came back. */
  readonly backAfterMs: number | undefined;
};

/** What one hole brought. */
export type Counted = {
  readonly typedKeys: number;
  readonly totalMs: number;
  readonly rightMs: number;
  readonly wrongMs: number;
  /** Right texts that changed their end while they stood, and wrong texts that appeared. */
  readonly reshaped: number;
  readonly wrongTexts: number;
  readonly vanished: readonly Vanished[];
  readonly pauses: readonly Pause[];
};

// As the typing yardstick has it: what was replaced sooner, without a key between, was drawn in two steps; text of before
// a key is not held against anybody while it is being redrawn; and where less is left, there is nothing to say.
const twoStepsMs = 50;
const redrawnMs = 60;
const pauseMs = 300;
const leastLeftUnits = 2;

const bare = (text: string): string => text.replaceAll(/[\s\u200b\u00b7]/g, "");

const kindOf = (text: string, at: number): PauseKind => {
  if (/(?:^|\n)[ \t]*$/.test(text.slice(Math.max(0, at - 200), at))) return "line start";
  if (text[at] === "\n") return "line end";
  if (/\w/.test(text[at - 1]!)) return "in a word";
  return /\s/.test(text[at - 1]!) ? "behind a blank" : "behind a sign";
};

/** Judges by what the file really says: its first line that is not blank has to come next, white space aside. */
const createJudge = (text: string) => {
  const truth = bare(text);
  const places = new Map<number, number>();
  const place = (caret: number): number => {
    const known = places.get(caret) ?? bare(text.slice(0, caret)).length;
    places.set(caret, known);
    return known;
  };
  const comesNext = (said: string, caret: number) => said !== "" && truth.startsWith(said, place(caret));
  return {
    place,
    isRight: (shown: string, caret: number) => comesNext(bare(shown.split("\n").find(bare) ?? ""), caret),
    isWhole: (shown: string, caret: number) => comesNext(bare(shown), caret),
  };
};

/** Counts by the typing yardstick's rules what a typist saw, from the measurement's begin on. */
export const count = ({ f, ev, cap, t00, counts }: Recording): Counted => {
  const judge = createJudge(f.text);
  const keys = ev.filter(({ t }) => t >= t00);
  const samples = cap.samples.filter(([atMs], index) => {
    const next = cap.samples[index + 1]?.[0];
    return next === undefined || next - atMs >= twoStepsMs || keys.some(({ t }) => t > atMs && t < next);
  });
  const lineAt = (caret: number) =>
    `${f.text.slice(f.text.lastIndexOf("\n", caret - 1) + 1, caret)}‸${f.text.slice(caret, caret + 60)}`;
  return {
    typedKeys: counts["typedKeys"] ?? 0,
    ...countScreen(f.name, { samples, keys, startMs: t00, endMs: cap.end, judge, lineAt }),
    pauses: keys.flatMap(({ kind, caret, gap = 0 }, index) => {
      if (kind !== "key" || gap < pauseMs || judge.place(f.end) - judge.place(caret) < leastLeftUnits) return [];
      const endMs = keys[index + 1]?.t ?? cap.end;
      const shown = samples.findLast(([atMs]) => atMs <= endMs - 1)?.[1] ?? "";
      const [isRight, isWhole] = [judge.isRight(shown, caret), judge.isWhole(shown, caret)];
      return [{ kind: kindOf(f.text, caret), line: lineAt(caret), shown: bare(shown) && shown, isRight, isWhole }];
    }),
  };
};

type Seen = {
  readonly samples: Recording["cap"]["samples"];
  readonly keys: Recording["ev"];
  readonly startMs: number;
  readonly endMs: number;
  readonly judge: ReturnType<typeof createJudge>;
  readonly lineAt: (caret: number) => string;
};

/** Goes once through the redrawings and keys, in their order. */
const countScreen = (file: string, { samples, keys, startMs, endMs, judge, lineAt }: Seen) => {
  const timeline = [
    ...samples.map(([atMs, text]) => ({ atMs, text, caret: undefined })),
    ...keys.map(({ t, caret }) => ({ atMs: t, text: undefined, caret })),
  ].toSorted((a, b) => a.atMs - b.atMs);
  const passedMs = { none: 0, right: 0, wrong: 0 };
  const vanished: Vanished[] = [];
  let [reshaped, wrongTexts] = [0, 0];
  let text = "";
  let caret = keys[0]?.caret ?? 0;
  let earlier = caret;
  let keyMs = 0;
  let lastMs = startMs;
  let end = -1;
  let hiddenMs: number | undefined;
  /** Text of before the last key that is still right there stands for right. */
  let was: keyof typeof passedMs = "none";
  for (const event of timeline) {
    if (event.atMs < startMs) {
      text = event.text ?? text;
      continue;
    }
    passedMs[was] += event.atMs - lastMs;
    lastMs = event.atMs;
    const before = text;
    if (event.text === undefined) {
      earlier = caret;
      caret = event.caret;
      keyMs = event.atMs;
    } else text = event.text;
    const isBlank = bare(text) === "";
    const isRight = !isBlank && judge.isRight(text, caret);
    const isStill = isRight || (!isBlank && event.atMs - keyMs < redrawnMs && judge.isRight(text, earlier));
    const is = isStill ? "right" : isBlank ? "none" : "wrong";
    if (event.text !== undefined && isRight) {
      const nextEnd = judge.place(caret) + bare(text).length;
      if (end >= 0 && nextEnd !== end && was === "right") reshaped++;
      if (hiddenMs !== undefined) vanished.push({ ...vanished.pop()!, backAfterMs: event.atMs - hiddenMs });
      hiddenMs = undefined;
      end = nextEnd;
    } else if (event.text !== undefined && !isStill) {
      if (was === "right" && end > judge.place(caret)) {
        hiddenMs = event.atMs;
        const [atMs, sinceKeyMs] = [event.atMs - startMs, event.atMs - keyMs];
        vanished.push({ file, atMs, sinceKeyMs, line: lineAt(caret), before, after: text, backAfterMs: undefined });
      }
      if (is === "wrong" && was !== "wrong") wrongTexts++;
    }
    was = is;
  }
  passedMs[was] += endMs - lastMs;
  return {
    totalMs: endMs - startMs,
    rightMs: passedMs.right,
    wrongMs: passedMs.wrong,
    reshaped,
    wrongTexts,
    vanished,
  };
};
