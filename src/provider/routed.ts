import type { Clock } from "../base/clock.ts";
import { isPrivateHost } from "../transport/route.ts";
import type { ResilienceCounters } from "./counters.ts";
import { createFallbacks } from "./fallbacks.ts";
import type { HedgeBudget, HedgePermit } from "./hedge.ts";
import { createLateBill } from "./lateBill.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, Provider, StreamPart, Usage } from "./provider.ts";
import { createRace, type Race, type RaceResult, type Runner } from "./race.ts";
import type { KnownTarget } from "./target.ts";

/** What a request is routed by. */
export type Routing = {
  /** In the order in which they are asked. */
  readonly targets: readonly KnownTarget[];
  /** Whether all are asked at once. */
  readonly isRace: boolean;
  readonly allowPaidRace: boolean;
  readonly hedging: { readonly budget: HedgeBudget; readonly floorMs: number } | undefined;
  readonly clock: Clock;
  readonly counters: ResilienceCounters;
  onSwitch(from: KnownTarget, to: KnownTarget, error: ProviderError): void;
  onAnswer(target: KnownTarget): void;
};

/** One request of either kind. */
export type Job = {
  /** Why this model is known not to be able; undefined: it is, or that is not known. */
  whyNot(capabilities: Capabilities): ProviderError | undefined;
  /** Sends it. `capabilities` are undefined where they are not known. */
  send(provider: Provider, capabilities: Capabilities | undefined, call: CallOptions): AsyncIterable<StreamPart>;
  readonly hasTools: boolean;
  /** Whether it may be sent once more when it is slow. */
  readonly mayHedge: boolean;
  /** Whether it may be sent to several targets at once. */
  readonly mayRace: boolean;
};

/** One target's part in one request. */
type Attempt = {
  readonly target: KnownTarget;
  readonly role: "first" | "fallback" | "hedge" | "race";
  readonly startMs: number;
  /** Set when its answer is the one that is handed out. */
  isUsed: boolean;
  /** With an extra request and the one that it was sent beside: whichever loses tells what it cost. */
  permit: HedgePermit | undefined;
};

const notRaced = new ProviderError("unsupported", "A model that costs money takes no part in a race");

/** Of a server that has not told, where it is says whether it is likely to charge. */
const mayCost = ({ kind, origin }: Provider, capabilities: Capabilities | undefined): boolean => {
  if (capabilities) return capabilities.isMetered === true;
  return kind === "openrouter" || (kind === "openai-compatible" && !isPrivateHost(URL.parse(origin)?.hostname ?? ""));
};

/** Why no model was asked. */
const noneIsAble = (refusals: readonly ProviderError[]): ProviderError => {
  const [only, ...others] = refusals;
  if (only && others.length === 0) return only;
  return new ProviderError("unsupported", `No model can do this: ${refusals.map(({ message }) => message).join("; ")}`);
};

/** Streams one request's answer: its way through the targets. */
export async function* routed(routing: Routing, job: Job, call: CallOptions): AsyncGenerator<StreamPart, void> {
  const { targets, clock, counters } = routing;
  const hedging = job.mayHedge ? routing.hedging : undefined;
  hedging?.budget.requested();
  let waiting = targets;
  /** What those that were asked threw, and why others were not asked. */
  const faults: { readonly target: KnownTarget; readonly error: ProviderError }[] = [];
  const refusals = new Map<KnownTarget, ProviderError>();
  const bill = createLateBill<Attempt>(call, counters);
  let last: Attempt | undefined;
  const fallbacks = createFallbacks(job.hasTools);
  let isLastResort = false;

  /** Whether another target is likely to take the one more request that may be charged. */
  const hasOthers = (): boolean =>
    waiting.some((other) => !other.isSilent() && !(other.capabilities && job.whyNot(other.capabilities)));

  /** Throws what keeps the request from being sent to this target. */
  const admit = ({ target, role }: Attempt, capabilities: Capabilities | undefined): void => {
    const refusal = capabilities && !isLastResort ? job.whyNot(capabilities) : undefined;
    if (refusal) {
      refusals.set(target, refusal);
      throw refusal;
    }
    if (role === "race" && !routing.allowPaidRace && mayCost(target.provider, capabilities)) throw notRaced;
    const failed = faults.at(-1);
    if (role !== "fallback" || !failed) return;
    if (faults.length === 1) counters.fallbacks++;
    routing.onSwitch(failed.target, target, failed.error);
  };

  const onLateUsage = (attempt: Attempt, usage: Usage): void => {
    bill.told(attempt, usage);
    if (!attempt.isUsed && usage.costUsd !== undefined) attempt.permit?.settle(usage.costUsd);
  };

  async function* send(attempt: Attempt, own: CallOptions): AsyncGenerator<StreamPart, void> {
    const { target } = attempt;
    const capabilities = await target.recall(own);
    admit(attempt, capabilities);
    last = attempt;
    // To be told costs a request, so it is asked for only where the answer may be one that nobody uses.
    const isTold = call.onLateUsage !== undefined || (hedging !== undefined && capabilities?.isMetered === true);
    const full = {
      ...own,
      ...(isTold ? { onLateUsage: (usage: Usage) => onLateUsage(attempt, usage) } : {}),
      ...(fallbacks.billedRequests > 0 || hasOthers() ? { noBilledRetry: true } : {}),
    };
    let end: Extract<StreamPart, { type: "end" }> | undefined;
    target.running++;
    try {
      for await (const part of job.send(target.provider, capabilities, full)) {
        if (part.type === "end") {
          end = part;
          target.costUsd = part.usage.costUsd ?? target.costUsd;
        }
        const isOther = target !== targets[0] && capabilities !== undefined;
        yield part.type === "end" && isOther ? { model: capabilities.model, ...part } : part;
      }
    } finally {
      target.running--;
      // It had told its cost, and another was the answer.
      if (!attempt.isUsed && end?.usage.costUsd !== undefined) onLateUsage(attempt, end.usage);
      // It may have come back with another model. Providers remember, so this asks nobody most of the time.
      if (attempt.isUsed) target.learn({}).catch(() => {});
    }
  }

  const start = (race: Race<Attempt>, target: KnownTarget, role: Attempt["role"], permit?: HedgePermit): Attempt => {
    const attempt: Attempt = { target, role, startMs: clock.nowMs(), isUsed: false, permit };
    // The usual case hangs its parts where the caller looks for them.
    const span = role === "first" ? undefined : call.span?.child(role);
    span?.set("origin", target.provider.origin);
    race.start(attempt, async function* (signal) {
      try {
        yield* send(attempt, { ...call, signal, ...(span ? { span } : {}) });
      } finally {
        span?.set("isUsed", attempt.isUsed);
        span?.end();
      }
    });
    return attempt;
  };

  /** Sends the request once more, where that is allowed and harms nobody. */
  const hedge = async (race: Race<Attempt>, first: Attempt, others: readonly KnownTarget[]): Promise<void> => {
    if (!first.target.isFitForExtra()) return;
    for (const target of [...others, first.target]) {
      const capabilities = await target.recall(call).catch(() => undefined);
      if (race.isOver) return;
      if (!capabilities || job.whyNot(capabilities) || !target.isFitForExtra()) continue;
      // Beside itself it must be known to have room; another one must only not be known to have none.
      if (target === first.target ? target.hasRoom() !== true : target.hasRoom() === false) continue;
      const expectedUsd = capabilities.isMetered === true ? (target.costUsd ?? first.target.costUsd) : 0;
      const permit = hedging?.budget.take(expectedUsd);
      if (!permit) continue;
      counters.hedges++;
      first.permit = permit;
      start(race, target, "hedge", permit);
      return;
    }
  };

  /** Waits for one target's answer, with an extra request beside it if it takes too long. */
  const answerOf = async (first: Attempt, race: Race<Attempt>): Promise<RaceResult<Attempt>> => {
    const { firstTokens } = first.target;
    const slowMs = faults.length === 0 ? firstTokens.slowMs() : undefined;
    const delayMs = hedging && slowMs !== undefined ? Math.max(slowMs, hedging.floorMs) : Infinity;
    const others = waiting;
    const timer = delayMs === Infinity ? undefined : clock.after(delayMs, () => void hedge(race, first, others));
    let isAnswered = false;
    try {
      const result = await race.result;
      isAnswered = result.winner !== undefined;
      return result;
    } finally {
      timer?.dispose();
      const waitedMs = clock.nowMs() - first.startMs;
      // Of an answer that was given up early nobody knows whether it was slow.
      if (hedging && (isAnswered || waitedMs >= delayMs)) firstTokens.add(waitedMs);
    }
  };

  const noteFaults = (result: RaceResult<Attempt>): void => {
    for (const { about, error } of result.faults) {
      const { target } = about;
      if (error === notRaced) continue;
      waiting = waiting.filter((other) => other !== target);
      if (refusals.get(target) === error) continue;
      faults.push({ target, error });
      if (fallbacks.failed(error, target.provider.origin) !== "next") waiting = [];
      waiting = waiting.filter(({ provider }) => !fallbacks.isRefused(provider.origin));
    }
  };

  async function* handOut({ about, parts }: Runner<Attempt>): AsyncGenerator<StreamPart, void> {
    about.isUsed = true;
    bill.decide(about);
    if (about.role === "hedge") counters.hedgesWon++;
    routing.onAnswer(about.target);
    yield* parts();
  }

  try {
    if (routing.isRace && job.mayRace) {
      const race = createRace<Attempt>(call.signal, { wantsText: true });
      for (const target of targets) start(race, target, "race");
      const result = await race.result;
      if (result.winner) return yield* handOut(result.winner);
      noteFaults(result);
    }
    for (;;) {
      const [target, ...others] = waiting;
      if (!target) {
        const [roomiest] = [...refusals]
          .filter(([, { kind }]) => kind === "context-overflow")
          .toSorted(([, a], [, b]) => (b.contextTokens ?? 0) - (a.contextTokens ?? 0));
        // Rather than nobody the one that takes most, whose guard may leave out the oldest part.
        if (!roomiest || faults.length > 0 || isLastResort) break;
        isLastResort = true;
        waiting = [roomiest[0]];
        continue;
      }
      waiting = others;
      const race = createRace<Attempt>(call.signal, { wantsText: false });
      const result = await answerOf(start(race, target, faults.length > 0 ? "fallback" : "first"), race);
      if (result.winner) return yield* handOut(result.winner);
      noteFaults(result);
    }
    throw fallbacks.mostUseful() ?? noneIsAble([...refusals.values()]);
  } finally {
    bill.decide(last);
  }
}
