import type { Counted, PauseKind } from "./counting.ts";

/** Right text that is back so soon has flickered. */
const flickerMs = 1000;

const share = (part: number, all: number): number => Number((part / Math.max(1, all)).toFixed(3));
const sum = (all: readonly Counted[], of: (one: Counted) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

/** What the yardstick counts of these holes together, under its own names. */
export const sums = (all: readonly Counted[]) => {
  const pauses = all.flatMap((one) => one.pauses);
  const vanished = all.flatMap((one) => one.vanished);
  return {
    typedKeys: sum(all, ({ typedKeys }) => typedKeys),
    totMs: sum(all, ({ totalMs }) => totalMs),
    visMs: sum(all, ({ rightMs }) => rightMs),
    wrongMs: sum(all, ({ wrongMs }) => wrongMs),
    reshape: sum(all, ({ reshaped }) => reshaped),
    wrong: sum(all, ({ wrongTexts }) => wrongTexts),
    vanish: vanished.length,
    flicker: vanished.filter(({ backAfterMs = Infinity }) => backAfterMs < flickerMs).length,
    pauses: pauses.length,
    pausesShown: pauses.filter(({ isRight }) => isRight).length,
    pausesFull: pauses.filter(({ isWhole }) => isWhole).length,
    pausesAny: pauses.filter(({ shown }) => shown !== "").length,
  };
};

/** `right`, `shown` and `whole` are shares of the pauses, the times shares of the time; `rightUnits` are without blanks. */
export const figures = (all: readonly Counted[]) => {
  const found = sums(all);
  const per1000 = (part: number) => Number(((part / Math.max(1, found.typedKeys)) * 1000).toFixed(1));
  const rightUnits = all
    .flatMap((one) => one.pauses)
    .filter(({ isRight }) => isRight)
    .reduce((total, { shown }) => total + shown.replaceAll(/\s/g, "").length, 0);
  return {
    keys: found.typedKeys,
    pauses: found.pauses,
    right: share(found.pausesShown, found.pauses),
    shown: share(found.pausesAny, found.pauses),
    whole: share(found.pausesFull, found.pauses),
    rightTime: share(found.visMs, found.totMs),
    wrongTime: share(found.wrongMs, found.totMs),
    flickers: found.flicker,
    flickersPer1000: per1000(found.flicker),
    vanishedPer1000: per1000(found.vanish),
    reshapedPer1000: per1000(found.reshape),
    wrongTextsPer1000: per1000(found.wrong),
    rightUnits: Number((rightUnits / Math.max(1, found.pausesShown)).toFixed(1)),
  };
};

/** How many pauses there are of each kind, with text and with right text. */
export const kindsOf = (all: readonly Counted[]) => {
  const kinds: Partial<Record<PauseKind, { pauses: number; shown: number; right: number }>> = {};
  for (const { kind, shown, isRight } of all.flatMap((one) => one.pauses)) {
    const tally = (kinds[kind] ??= { pauses: 0, shown: 0, right: 0 });
    tally.pauses++;
    if (shown !== "") tally.shown++;
    if (isRight) tally.right++;
  }
  return kinds;
};

/** The same as shares: `share` of all pauses, the others of the kind's. */
export const kindShares = (all: readonly Counted[]) => {
  const pauses = all.reduce((total, one) => total + one.pauses.length, 0);
  return Object.fromEntries(
    Object.entries(kindsOf(all)).map(([kind, tally]) => [
      kind,
      {
        share: share(tally.pauses, pauses),
        shown: share(tally.shown, tally.pauses),
        right: share(tally.right, tally.pauses),
      },
    ]),
  );
};
