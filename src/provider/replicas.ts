import { abortError } from "../base/abort.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import type { Breaker } from "../transport/breaker.ts";
import type { Limiter } from "../transport/limiter.ts";
import { createCounters, type ResilienceCounters } from "./counters.ts";
import { createFallbacks } from "./fallbacks.ts";
import { createLateBill } from "./lateBill.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  ChatRequest,
  CompletionRequest,
  Health,
  ModelInfo,
  Provider,
  StreamPart,
  Usage,
  Validation,
} from "./provider.ts";

/** One of several servers that offer the same model. A guarded provider also tells how it is doing. */
export type Replica = Provider & {
  readonly limiter?: Pick<Limiter, "running" | "queued" | "pausedMs">;
  readonly breaker?: Pick<Breaker, "state">;
};

/** A replica that has failed is asked last for this long, in milliseconds. */
const downMs = 5000;
/** Prompts that are remembered for their server, and how much of each, in characters. */
const rememberedPrompts = 32;
const rememberedLength = 4096;
/** Two prompts that begin with as much the same are worth going to the same server, in characters. */
const sharedLength = 256;

type Member = {
  readonly provider: Replica;
  /** Requests that were given to it and have not ended. */
  running: number;
  /** The completions among them. */
  readonly prefixes: string[];
  downUntilMs: number;
};

type Remembered = { readonly prompt: string; readonly member: Member };

const lengthInCommon = (a: string, b: string): number => {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
};

/** Others may use the same server, so what its own queue says counts where it says more. */
const loadOf = ({ provider: { limiter }, running }: Member): number =>
  Math.max(running, limiter ? limiter.running + limiter.queued : 0);

/** Only a server that works counts for `Promise.any`. */
const onlyOk = async (answer: Promise<Health>): Promise<Health> => {
  const health = await answer;
  if (health.status !== "ok") throw new Error(`The server is ${health.status}`);
  return health;
};

/** Everything that the answer to a chat depends on, in the order in which a server reads it. */
const promptOf = ({ messages, tools }: ChatRequest): string => {
  let prompt = tools ? JSON.stringify(tools.map(({ name }) => name)) : "";
  for (const { role, content } of messages) {
    const parts = typeof content === "string" ? [content] : content.map((part) => ("text" in part ? part.text : ""));
    prompt += `\n${role}\n${parts.join("\n")}`;
    if (prompt.length >= rememberedLength) break;
  }
  return prompt.slice(0, rememberedLength);
};

/**
 * Makes one provider of several servers that offer the same model. `kind` and `origin` are the first one's.
 *
 * - A request goes to the server with the fewest running ones, in turn where several have as few.
 * - One that has just read the same beginning of a prompt keeps it in its prompt cache and need not read it again, so it
 *   is preferred while it is at most one request busier.
 * - A server that is down, wants a pause or whose breaker is open is left out while another is up.
 * - After a fault before any output the next server is asked, each at most once per request, where another may succeed;
 *   not after the second fault that may be charged, for which another server is preferred to the same one. What the servers charge for answers that nobody got is counted.
 *
 * @param providers At least one.
 */
export const createReplicas = (
  providers: readonly Replica[],
  {
    clock = systemClock,
    counters = createCounters(),
  }: { readonly clock?: Clock; readonly counters?: ResilienceCounters } = {},
): Provider => {
  const members = providers.map((provider): Member => ({ provider, running: 0, prefixes: [], downUntilMs: -Infinity }));
  const first = members[0]?.provider;
  if (!first) throw new RangeError("There must be at least one replica");
  const remembered: Remembered[] = [];
  /** Where the next round starts among servers that have as few requests. */
  let turn = 0;

  const isUp = ({ provider: { limiter, breaker }, downUntilMs }: Member): boolean =>
    clock.nowMs() >= downUntilMs && breaker?.state !== "open" && (limiter?.pausedMs() ?? 0) === 0;

  /** The server that read the longest same beginning of this prompt. */
  const readerOf = (prompt: string): Member | undefined => {
    let best: Member | undefined;
    let bestLength = 0;
    for (const { prompt: earlier, member } of remembered) {
      const length = lengthInCommon(prompt, earlier);
      if (length <= bestLength || length < Math.min(sharedLength, earlier.length)) continue;
      best = member;
      bestLength = length;
    }
    return best;
  };

  const remember = (prompt: string, member: Member): void => {
    // A conversation or a document that goes on takes the place of its beginning.
    const before = remembered.findIndex(
      (entry) => entry.member === member && lengthInCommon(entry.prompt, prompt) >= entry.prompt.length * 0.9,
    );
    if (before >= 0) remembered.splice(before, 1);
    remembered.push({ prompt, member });
    if (remembered.length > rememberedPrompts) remembered.shift();
  };

  /** All members, those first that should be asked first. */
  const inOrder = (): readonly Member[] => {
    const from = turn % members.length;
    const ring = [...members.slice(from), ...members.slice(0, from)];
    return ring.toSorted((a, b) => Number(isUp(b)) - Number(isUp(a)) || loadOf(a) - loadOf(b));
  };

  const orderFor = (prompt: string, prefix: string | undefined): readonly Member[] => {
    const order = inOrder();
    const reader = readerOf(prompt);
    // The same completion a second time is an extra request, because the first one is slow there.
    const isAtIt = prefix !== undefined && reader?.prefixes.includes(prefix) === true;
    const isPreferred = reader && !isAtIt && isUp(reader) && loadOf(reader) <= loadOf(order[0]!) + 1;
    const chosen = isPreferred ? [reader, ...order.filter((member) => member !== reader)] : order;
    turn = members.indexOf(chosen[0]!) + 1;
    return chosen;
  };

  const noteFault = (member: Member, { kind, retryAfterMs = 0 }: ProviderError): void => {
    // Its own limiter and breaker know how long a pause lasts, and when it ends early.
    if (kind === "paused" && member.provider.limiter && member.provider.breaker) return;
    const isDown = kind === "unreachable" || kind === "offline" || kind === "paused" || kind === "loading";
    if (isDown) member.downUntilMs = clock.nowMs() + Math.max(downMs, retryAfterMs);
  };

  async function* stream(
    prompt: string,
    prefix: string | undefined,
    hasTools: boolean,
    call: CallOptions,
    send: (provider: Provider, call: CallOptions) => AsyncIterable<StreamPart>,
  ): AsyncGenerator<StreamPart> {
    const { signal } = call;
    const fallbacks = createFallbacks(hasTools);
    const order = orderFor(prompt, prefix);
    const bill = createLateBill<Member>(call, counters);
    let last: Member | undefined;
    try {
      for (const [index, member] of order.entries()) {
        if (signal?.aborted === true) throw abortError();
        if (fallbacks.isRefused(member.provider.origin)) continue;
        last = member;
        const own = {
          ...call,
          ...(fallbacks.billedRequests > 0 || order.slice(index + 1).some(isUp) ? { noBilledRetry: true } : {}),
          ...(call.onLateUsage ? { onLateUsage: (usage: Usage) => bill.told(member, usage) } : {}),
        };
        let hasOutput = false;
        member.running++;
        if (prefix !== undefined) member.prefixes.push(prefix);
        try {
          for await (const part of send(member.provider, own)) {
            if (!hasOutput) {
              hasOutput = true;
              member.downUntilMs = -Infinity;
              remember(prompt, member);
            }
            yield part;
          }
          return;
        } catch (error) {
          if (!(error instanceof ProviderError) || hasOutput) throw error;
          noteFault(member, error);
          const next = fallbacks.failed(error, member.provider.origin);
          error.billedRequests = fallbacks.billedRequests;
          if (next === "final") throw error;
          if (next === "spent") break;
        } finally {
          member.running--;
          if (prefix !== undefined) member.prefixes.splice(member.prefixes.indexOf(prefix), 1);
        }
      }
    } finally {
      bill.decide(last);
    }
    const fault = fallbacks.mostUseful()!;
    fault.billedRequests = fallbacks.billedRequests;
    throw fault;
  }

  /** Asks all that are up, or all if none is. */
  const askAll = async <T>(
    question: (provider: Provider) => Promise<T>,
    { signal }: CallOptions,
  ): Promise<readonly T[]> => {
    const up = members.filter(isUp);
    const asked = up.length > 0 ? up : members;
    const settled = await Promise.allSettled(asked.map(({ provider }) => question(provider)));
    if (signal?.aborted === true) throw abortError();
    const answers = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = settled.find((result) => result.status === "rejected");
    if (answers.length === 0 && failed) throw failed.reason;
    return answers;
  };

  return {
    kind: first.kind,
    origin: first.origin,

    /** Every model that any of them offers. */
    async models(options = {}) {
      const found = new Map<string, ModelInfo>();
      for (const models of await askAll((provider) => provider.models(options), options)) {
        for (const model of models) if (!found.has(model.id)) found.set(model.id, model);
      }
      return [...found.values()];
    },

    /** Those of the first that answers, with the slots of all that tell theirs. */
    async capabilities(options = {}) {
      const found = await askAll((provider) => provider.capabilities(options), options);
      const known = found.map(({ slots }) => slots).filter((slots) => slots !== undefined);
      const slots = known.length > 0 ? known.reduce((sum, count) => sum + count, 0) : undefined;
      return { ...found[0]!, slots };
    },

    /** The best that any of them says. */
    async health(options = {}) {
      const asked = members.map(({ provider }) => provider.health(options));
      try {
        // One that does not answer must not hold up the good news.
        return await Promise.any(asked.map(onlyOk));
      } catch {
        const found = await Promise.all(asked);
        const best = (["busy", "loading"] as const).find((status) => found.some((health) => health.status === status));
        return best ? { status: best } : found[0]!;
      }
    },

    /** The first success, or else what the first one found. */
    async validateConnection(use, options = {}) {
      let finding: Validation | undefined;
      for (const { provider } of inOrder()) {
        const found = await provider.validateConnection(use, options);
        if (found.ok) return found;
        finding ??= found;
      }
      return finding!;
    },

    streamCompletion: (request: CompletionRequest, options = {}) =>
      stream(request.prefix.slice(0, rememberedLength), request.prefix, false, options, (provider, call) =>
        provider.streamCompletion(request, call),
      ),

    streamChat: (request: ChatRequest, options = {}) =>
      stream(promptOf(request), undefined, (request.tools?.length ?? 0) > 0, options, (provider, call) =>
        provider.streamChat(request, call),
      ),
  };
};
