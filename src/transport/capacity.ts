import { createLevels, referenceShare } from "./capacityLevels.ts";
import { clamp, compare, mean, type Finished, type Verdict } from "./comparison.ts";

/** Says under which limit a request was started. */
export type Ticket = { readonly epoch: number; readonly number: number };

/**
 * Learns how many requests a server works on at the same time before more of them only make each other wait.
 *
 * It compares what requests took at two numbers of running ones, for equal lengths of prompt and answer: while the server
 * has room they take the same, and when it has none they take longer in proportion. That holds whether the surplus waits
 * before the first token or slows down everybody. The limit goes up while others wait and more of them cost nothing, a
 * step at a time, and comes down to what the comparison says. Where it was seen to end, going up is tried rarely.
 */
export type Capacity = {
  readonly limit: number;
  /** True while more than what is known to be good is tried. */
  readonly isProbing: boolean;
  /** True once the server has refused a request for lack of room. */
  readonly hasRefused: boolean;
  /** To be called when a request starts. */
  begin(): Ticket;
  /** @param isFull whether another request waits for a place. */
  finish(ticket: Ticket, request: Finished, isFull: boolean): void;
  /** @param running how many ran when it was refused, itself included. */
  refuse(ticket: Ticket, running: number): void;
  /** Starts anew from what the server has told. */
  setSlots(slots: number): void;
};

// The numbers below were chosen by simulation, for several kinds of servers: test/bench/limiter.bench.ts.

/** Requests that a limit is judged by: at least and at most, and that many times as many while it stays unclear. */
const minSamples = 4;
const maxSamples = 8;
const patience = 3;
/** Rounds until more is tried again after it did not help, at first and at most. It doubles each time. */
const firstBackoff = 2;
const maxBackoff = 16;
/** After so many requests what is known about fewer is measured again. */
const outdatedAfter = 400;

type Trial = { readonly kind: "up" } | { readonly kind: "down"; readonly from: number };

/** Makes one that knows nothing but where to start. Limits are at least 1. */
export const createCapacity = (options: {
  readonly initialLimit: number;
  readonly minLimit: number;
  readonly maxLimit: number;
}): Capacity => {
  const { minLimit, maxLimit } = options;
  const bound = (value: number): number => clamp(Math.round(value), minLimit, maxLimit);
  const levels = createLevels();
  /** What is thought to be right; the limit differs from it only while something is tried. */
  let settled = bound(options.initialLimit);
  let limit = settled;
  /** `up`: is there room for more? `down`: is the server faster with fewer than `from`? */
  let trial: Trial | undefined;
  let samples: Finished[] = [];
  let fullCount = 0;
  /** Counts changes of the limit: what was started before one says nothing about the limit after it. */
  let epoch = 0;
  let startedCount = 0;
  let finishedCount = 0;
  /** Requests up to this one were under way when a refusal was heeded: their refusals are the same one. */
  let heededUpTo = 0;
  let hasRefused = false;
  /** Up to here going up is tried at once, above only after `backoff` rounds. */
  let ceiling = Infinity;
  let backoff = firstBackoff;
  let rounds = 0;
  /** The last round looked as if the limit was too high. */
  let isSuspect = false;
  let toldSlots: number | undefined;

  const startRound = (): void => {
    samples = [];
    fullCount = 0;
  };

  const setLimit = (value: number, next?: Trial): void => {
    if (value !== limit || next) epoch++;
    limit = value;
    trial = next;
    isSuspect = false;
    rounds = 0;
    startRound();
  };

  const settle = (value: number): void => {
    settled = bound(value);
    setLimit(settled);
  };

  const keep = (level: number, isNew: boolean): void => levels.keep(level, samples, finishedCount, isNew);

  const isUnclear = (verdict: Verdict | undefined): boolean =>
    verdict !== undefined && !verdict.isSure && samples.length < patience * neededSamples();

  const neededSamples = (): number => clamp(limit, minSamples, maxSamples);

  const tryMore = (): void => {
    // Work that leaves a place free has not filled the present limit yet; there must be no gap in what is compared.
    if (settled > 1 && !levels.get(settled)) {
      setLimit(settled, { kind: "up" });
      return;
    }
    const next = bound(settled + Math.max(1, Math.floor(settled / 4)));
    const target = settled < ceiling ? Math.min(next, ceiling) : next;
    if (target > settled) setLimit(target, { kind: "up" });
    else startRound();
  };

  /** Goes down from `level`, whose requests were just kept, and looks whether that makes the server faster. */
  const tryFewer = (level: number, target: number): void =>
    setLimit(Math.min(bound(target), limit), { kind: "down", from: level });

  const rejectMore = (room = settled): void => {
    // Work that leaves a place free never fills a limit that is one too high, so this is where that shows.
    ceiling = room <= settled - Math.max(0.9, settled / 8) ? bound(settled - 1) : settled;
    backoff = Math.min(maxBackoff, backoff * 2);
    settle(ceiling);
  };

  const judgeUp = (level: number): void => {
    // Too few came to try it.
    if (level < limit && level <= settled) {
      settle(settled);
      return;
    }
    const verdict = levels.compareWithFewer(level, samples);
    if (isUnclear(verdict)) return;
    keep(level, true);
    if (verdict && (verdict.isOver || (level > ceiling && !verdict.isSure))) {
      rejectMore(verdict.isSure ? verdict.room : settled);
      return;
    }
    if (level > ceiling) {
      ceiling = Infinity;
      backoff = firstBackoff;
    }
    const isUsed = fullCount * 2 >= samples.length;
    settle(level);
    if (isUsed && settled < ceiling) tryMore();
  };

  const judgeDown = (level: number, from: number): void => {
    const before = levels.get(from);
    // The load went away meanwhile.
    if (!before || level >= from) {
      settle(settled);
      return;
    }
    const verdict = compare(before.requests, from, samples, level);
    if (isUnclear(verdict)) return;
    // Slower with fewer than it was with more: the server has become slower meanwhile, and the question starts anew.
    if (verdict.isOver || verdict.isFaster) {
      settled = limit;
      ceiling = verdict.isOver ? Math.max(limit, bound(verdict.room)) : limit;
      judgeSteady(level, true);
      return;
    }
    // Fewer were no faster, so there is room for `from`. Whatever was known about other numbers is outdated.
    levels.keepOnly(from, before);
    keep(level, true);
    settle(settled);
  };

  const judgeSteady = (level: number, isNew: boolean): void => {
    const reference = levels.referenceFor(level);
    const isFullyUsed = level > 1 && level >= Math.min(limit - 1, referenceShare * limit);
    if (reference === undefined) {
      keep(level, isNew);
      // A guess may be far off, what was told or found is not.
      const isGuess = toldSlots === undefined && ceiling === Infinity;
      const fewer = isGuess ? level / 2 : Math.floor(referenceShare * level);
      if (isFullyUsed && limit > minLimit) tryFewer(level, fewer);
      else endRound(true);
      return;
    }
    const verdict = levels.compareWithFewer(level, samples);
    if (isUnclear(verdict)) return;
    if (verdict?.isOver === true && verdict.isSure && limit > minLimit) {
      // Once more with fresh requests: these may be from before and after a change.
      if (!isSuspect && !isNew) {
        isSuspect = true;
        startRound();
        return;
      }
      keep(level, true);
      ceiling = bound(clamp(verdict.room, level / 2, level - 1));
      backoff = firstBackoff;
      tryFewer(level, ceiling);
      return;
    }
    isSuspect = false;
    const isOutdated = verdict?.isFaster === true;
    keep(level, isNew || isOutdated);
    if (isOutdated) levels.forgetBelow(level);
    const learnedAt = levels.get(reference)?.learnedAt ?? finishedCount;
    if (isFullyUsed && finishedCount - learnedAt > outdatedAfter) tryFewer(level, reference);
    else endRound(verdict?.isOver !== true);
  };

  const endRound = (hasRoom: boolean): void => {
    const isUsed = fullCount * 2 >= samples.length;
    // A trial ends here, too.
    trial = undefined;
    startRound();
    rounds++;
    if (isUsed && hasRoom && (settled < ceiling || rounds >= backoff)) tryMore();
  };

  return {
    get limit() {
      return limit;
    },
    get isProbing() {
      return trial?.kind === "up";
    },
    get hasRefused() {
      return hasRefused;
    },
    begin: () => ({ epoch, number: ++startedCount }),
    finish(ticket, request, isFull) {
      finishedCount++;
      const { startRunning, meanRunning } = request;
      // One of the first of a crowd has waited for nobody, and the last one of it was alone most of the time.
      const isTypical = Math.abs(startRunning - meanRunning) <= Math.max(1, meanRunning / 4);
      if (ticket.epoch !== epoch || !isTypical) return;
      samples.push(request);
      if (isFull) fullCount++;
      if (samples.length < neededSamples()) return;
      const level = Math.max(1, Math.round(mean(samples.map((sample) => sample.meanRunning))));
      if (trial?.kind === "up") judgeUp(level);
      else if (trial) judgeDown(level, trial.from);
      else judgeSteady(level, false);
    },
    refuse(ticket, running) {
      if (ticket.number <= heededUpTo) return;
      heededUpTo = startedCount;
      hasRefused = true;
      if (trial?.kind === "up" && running > settled) {
        rejectMore();
        return;
      }
      const sent = Math.min(limit, running);
      ceiling = bound(sent - 1);
      settle(Math.floor(sent / 2));
    },
    setSlots(slots) {
      if (slots === toldSlots) return;
      toldSlots = slots;
      levels.clear();
      settle(slots);
      ceiling = settled;
      backoff = maxBackoff;
      hasRefused = false;
    },
  };
};
