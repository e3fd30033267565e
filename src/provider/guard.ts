import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { pause } from "../base/wait.ts";
import type { Span } from "../metrics/spans.ts";
import type { Breaker } from "../transport/breaker.ts";
import type { Limiter, LimiterOutcome, Priority } from "../transport/limiter.ts";
import { createAccount, type Account } from "./account.ts";
import type { ResilienceCounters } from "./counters.ts";
import { createEntrance, type Entry } from "./entrance.ts";
import { faultPolicy, type FaultPolicy } from "./faultPolicy.ts";
import { guardQuestions } from "./guardedQuestions.ts";
import { createLateBill } from "./lateBill.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  ChatRequest,
  CompletionRequest,
  Provider,
  StreamPart,
  Usage,
} from "./provider.ts";
import { createRecovery } from "./recovery.ts";
import { shrinkChat, shrinkCompletion, type Overflow } from "./shrink.ts";

/** A provider that looks after its server, and what it does that with. */
export type GuardedProvider = Provider & {
  readonly limiter: Limiter;
  readonly breaker: Breaker;
  /** The provider itself, for questions that nobody waits for: that one fails must not keep real requests from trying. */
  readonly unguarded: Provider;
};

/** What a guard works with. Limiter and breaker belong to one server and model. */
export type GuardOptions = {
  readonly limiter: Limiter;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: ResilienceCounters;
  /** Shared by all models at the same origin. Default: one of its own. */
  readonly account?: Account;
  /** 0..1. Default: `Math.random`. */
  readonly random?: () => number;
  /**
   * How long one call may spend on trying again and on waiting because the server asked for a pause. Default 10 000.
   * Ghost text never gets more than 2 000 of it, speculation nothing.
   */
  readonly retryBudgetMs?: number;
  /** Fires at the end of the program: what waits here rejects with an `AbortError`. */
  readonly signal?: AbortSignal;
};

const defaultRetryBudgetMs = 10_000;
/** Whoever types on has moved away by then; whoever waits is still served. */
const interactiveBudgetMs = 2_000;

/** One kind of streamed request. */
type Streaming<Request> = {
  readonly send: (request: Request, call: CallOptions) => AsyncIterable<StreamPart>;
  readonly shrink: (request: Request, overflow: Overflow) => Request | undefined;
  readonly hasTools: boolean;
  readonly priority: Priority;
};

/** A fault and what follows from it. */
type Failure = { readonly fault: ProviderError; readonly policy: FaultPolicy };

/** What happened to one request. */
type Attempt = {
  readonly startMs: number;
  /** When its first part came. From then on nothing is sent again. */
  firstMs?: number;
  end?: Extract<StreamPart, { type: "end" }>;
  failure?: Failure;
};

/**
 * Wraps a provider so that its server is treated well and its faults are mended where that is safe: requests queue by
 * priority, a server that keeps failing is left alone, and what failed before the first text or tool call is sent again
 * as {@link faultPolicy} says. Once something of the answer was handed out, nothing is ever sent a second time.
 *
 * Every fault gets the server's `origin`. Streams also throw `paused` (nothing was sent) with the last fault as its
 * cause, `AbortError` when a speculation has to make room, and `payment-required` without asking when the account was found empty: only a chat, which a person has asked
 * for, still tries. Questions throw `paused`, too, while the server is left alone because it keeps failing.
 */
export const guard = (provider: Provider, options: GuardOptions): GuardedProvider => {
  const { limiter, breaker, clock, log, counters, random = Math.random, account = createAccount(clock) } = options;
  const endOfProgram = options.signal;
  const retryBudgetMs = options.retryBudgetMs ?? defaultRetryBudgetMs;
  const entrance = createEntrance(provider, options);
  let hasAnswered = false;
  let hasSlots = false;
  let knownContextTokens: number | undefined;

  const budgetMsFor = (priority: Priority): number => {
    if (priority === "speculation") return 0;
    return priority === "interactive" ? Math.min(interactiveBudgetMs, retryBudgetMs) : retryBudgetMs;
  };

  const capabilities = async (call: CallOptions): Promise<Capabilities> => {
    const found = await provider.capabilities(call);
    if (found.slots !== undefined && found.slots > 0) limiter.setSlots(found.slots);
    hasSlots = true;
    knownContextTokens = found.contextTokens;
    return found;
  };

  /** Only llama.cpp tells its slots; after a completion it has told them already, and this costs no request. */
  const learnSlots = async (): Promise<void> => {
    if (hasSlots || provider.kind !== "llamacpp") return;
    try {
      await capabilities({});
    } catch {
      // The next answer is another occasion.
    }
  };

  const answered = (): void => {
    account.renewed();
    void learnSlots();
  };

  /** What a request taught about the server's capacity. */
  const taught = ({ startMs, firstMs, end, failure }: Attempt): LimiterOutcome => {
    if (failure) return { result: failure.policy.limiter };
    const isFirst = !hasAnswered;
    if (firstMs !== undefined) hasAnswered = true;
    // The first answer of all waits for the connection, and maybe for the model to load. An answer that its reader left
    // early only seems to be a fast one.
    if (firstMs === undefined || isFirst || !end) return { result: "neutral" };
    const { promptTokens, cachedTokens = 0, generatedTokens } = end.usage;
    return {
      result: "ok",
      firstTokenMs: firstMs - startMs,
      totalMs: clock.nowMs() - startMs,
      ...(promptTokens === undefined ? {} : { promptTokens: Math.max(0, promptTokens - cachedTokens) }),
      ...(generatedTokens === undefined ? {} : { generatedTokens }),
    };
  };

  /** Gives back what {@link enter} gave. */
  const leave = ({ place, health }: Entry, attempt: Attempt): void => {
    const { failure } = attempt;
    if (failure) {
      health[failure.policy.breaker]();
      if (breaker.state === "open") log.warn(`${provider.origin} keeps failing (${failure.fault.kind})`);
    }
    // Whoever stops reading after the first text has seen a server that works.
    else if (attempt.firstMs !== undefined) health.success();
    else health.neutral();
    place.release(taught(attempt));
  };

  const note = ({ fault, policy }: Failure): void => {
    if (policy.breaker === "failure") entrance.failed(fault);
    if (fault.kind === "payment-required") account.refused(fault);
    // It may come back with other slots.
    if (fault.kind === "unreachable") hasSlots = false;
  };

  async function* stream<Request>(
    first: Request,
    { send, shrink, hasTools, priority: usual }: Streaming<Request>,
    call: CallOptions,
  ): AsyncGenerator<StreamPart> {
    const priority = call.priority ?? usual;
    const refusal = priority === "chat" ? undefined : account.refusal();
    if (refusal) throw refusal;
    const budgetMs = budgetMsFor(priority);
    const { noBilledRetry = false } = call;
    const recovery = createRecovery({ clock, random, hasTools, noBilledRetry, pauseAll: entrance.pauseAll, budgetMs });
    const bill = createLateBill<Attempt>(call, counters);
    let last: Attempt | undefined;
    let billedRequests = 0;
    const shorten = (request: Request, { kind, contextTokens, promptTokens }: ProviderError): Request | undefined => {
      if (kind !== "context-overflow") return undefined;
      const shorter = shrink(request, { contextTokens: contextTokens ?? knownContextTokens, promptTokens });
      if (!shorter) return undefined;
      log.warn(`${provider.origin} cannot take that much: sending a shorter request`);
      call.span?.set("shortened", true);
      return shorter;
    };
    let request = first;
    let isShrunk = false;
    let retrying: { readonly fault: ProviderError; readonly wait: Span | undefined } | undefined;

    try {
      for (let attempts = 1; ; attempts++) {
        let entry: Entry;
        try {
          entry = await entrance.enter(priority, recovery.leftMs(), call);
        } catch (error) {
          // What has really happened says more than that nothing is sent for now.
          throw retrying && error instanceof ProviderError ? retrying.fault : error;
        } finally {
          retrying?.wait?.end();
        }
        if (retrying) counters.retries++;
        const span = attempts === 1 ? call.span : call.span?.child(`attempt ${attempts}`);
        const attempt: Attempt = { startMs: clock.nowMs() };
        last = attempt;
        const { wanted } = entry.place;
        const own = {
          ...call,
          ...(wanted ? { signal: AbortSignal.any(call.signal ? [call.signal, wanted] : [wanted]) } : {}),
          ...(span ? { span } : {}),
          ...(call.onLateUsage ? { onLateUsage: (usage: Usage) => bill.told(attempt, usage) } : {}),
        };
        let delayMs = 0;
        const probe = entrance.watchProbe(entry.health, call);
        try {
          for await (const part of send(request, own)) {
            if (part.type === "end") attempt.end = part;
            if (attempt.firstMs === undefined) {
              attempt.firstMs = clock.nowMs();
              probe.dispose();
              // The test is passed; a long answer must not keep the others out.
              if (breaker.state === "half-open") entry.health.success();
              if (retrying) counters.retriesSucceeded++;
              answered();
            }
            yield part;
          }
          return;
        } catch (error) {
          if (!(error instanceof ProviderError)) throw error;
          error.origin ??= provider.origin;
          const policy = faultPolicy(error);
          attempt.failure = { fault: error, policy };
          note(attempt.failure);
          if (policy.mayBeBilled) billedRequests++;
          error.billedRequests = billedRequests;
          if (attempt.firstMs !== undefined) throw error;
          const shorter = isShrunk ? undefined : shorten(request, error);
          // Before the place is given back: whoever waits for it has to hear of a pause.
          const nextMs = shorter ? 0 : recovery.delayAfter(error, policy);
          if (nextMs === undefined) throw error;
          if (shorter) {
            request = shorter;
            isShrunk = true;
            retrying = undefined;
          } else {
            log.info(`${provider.origin}: ${error.kind}; trying again`);
            retrying = { fault: error, wait: call.span?.child("retry wait") };
          }
          delayMs = nextMs;
        } finally {
          probe.dispose();
          leave(entry, attempt);
          if (attempts > 1) span?.end();
        }
        await pause(clock, delayMs, call.signal, endOfProgram);
      }
    } finally {
      bill.decide(last);
    }
  }

  const ask = guardQuestions({
    ...options,
    origin: provider.origin,
    random,
    retryBudgetMs,
    refusal: () => entrance.refusal(),
    onUnreachable: (fault, policy) => note({ fault, policy }),
  });

  const completions: Omit<Streaming<CompletionRequest>, "hasTools"> = {
    send: (request, call) => provider.streamCompletion(request, call),
    shrink: shrinkCompletion,
    priority: "interactive",
  };
  const chats: Omit<Streaming<ChatRequest>, "hasTools"> = {
    send: (request, call) => provider.streamChat(request, call),
    shrink: shrinkChat,
    priority: "chat",
  };

  return {
    kind: provider.kind,
    origin: provider.origin,
    limiter,
    breaker,
    unguarded: provider,

    models: (call = {}) => ask(call, () => provider.models(call)),
    capabilities: (call = {}) => ask(call, () => capabilities(call)),
    health: (call) => provider.health(call),

    async validateConnection(use, call) {
      // A person wants to know now: neither queue nor breaker stands between.
      const found = await provider.validateConnection(use, call);
      if (found.ok) {
        breaker.reset();
        limiter.resume();
        account.renewed();
      } else found.error.origin ??= provider.origin;
      return found;
    },

    streamCompletion: (request, call = {}) => stream(request, { ...completions, hasTools: false }, call),
    ...(provider.countTokens ? { countTokens: provider.countTokens } : {}),
    streamChat: (request, call = {}) => stream(request, { ...chats, hasTools: (request.tools?.length ?? 0) > 0 }, call),
  };
};
