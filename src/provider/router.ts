import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { fitCompletion, whyNotChat, whyNotCompletion } from "./capabilityFilter.ts";
import { createCounters, type ResilienceCounters } from "./counters.ts";
import { faultPolicy } from "./faultPolicy.ts";
import { createHedgeBudget, defaultFloorMs, type HedgingOptions } from "./hedge.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, ChatRequest, CompletionRequest, Provider } from "./provider.ts";
import { routed, type Job } from "./routed.ts";
import { createKnownTarget, type KnownTarget, type Target } from "./target.ts";

export type { Target } from "./target.ts";

/** What a router is made of. */
export type RouterOptions = {
  /** In the order in which they are asked. At least one. */
  readonly targets: readonly Target[];
  /** `ordered`: the next one when one fails; `fastest`: all that are free of charge at once, the first text wins. */
  readonly strategy: "ordered" | "fastest";
  /** Sends a slow completion once more. Default: none is. */
  readonly hedging?: HedgingOptions;
  /** Whether `fastest` may race models that cost money, each of which is charged. Default false. */
  readonly allowPaidRace?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: counters of its own. */
  readonly counters?: ResilienceCounters;
};

const completionJob = (request: CompletionRequest, { priority = "interactive" }: CallOptions): Job => ({
  whyNot: (capabilities) => whyNotCompletion(capabilities, request),
  send: (provider, capabilities, call) =>
    provider.streamCompletion(capabilities ? fitCompletion(capabilities, request) : request, call),
  hasTools: false,
  mayHedge: priority === "interactive",
  mayRace: priority === "interactive" || priority === "chat",
});

const chatJob = (request: ChatRequest, { priority = "chat" }: CallOptions): Job => {
  const hasTools = request.tools !== undefined && request.tools.length > 0;
  return {
    whyNot: (capabilities) => whyNotChat(capabilities, request),
    send: (provider, _, call) => provider.streamChat(request, call),
    hasTools,
    mayHedge: false,
    mayRace: !hasTools && (priority === "interactive" || priority === "chat"),
  };
};

/**
 * Makes one provider of several models. A request goes to the first that is able to answer it, and on to the next when
 * one fails in a way that another may not, before any text or tool call was handed out. Models that are known to lack
 * tools, vision, context or filling in are not asked; a completion is cut to what a model takes instead, and a chat
 * that is too long for all goes to the model with the largest context.
 *
 * - `kind` and `origin`, `models`, `health` and `validateConnection` are the first target's: that is the model that a
 *   person has chosen. `capabilities` are those of the first target that tells any.
 * - A completion that is slow beyond what is usual is sent once more when `hedging` is given: to another target, or to
 *   the same one if it has room. Never one of the background or a speculation; never where an aborted request is paid
 *   for; never to or beside a server that works on one request at a time, that wants a pause or that fails.
 * - `fastest` does not race chats with tools, work in the background and speculation.
 * - Which model answered: `model` of the `end` part, where it is not the first target's. The spans "fallback", "hedge"
 *   and "race" hold what others did. What an answer cost that was not used is in the counters, not in the usage.
 *
 * Streams throw what the targets throw; of several faults the first that tells why. `unsupported` without a request:
 * no model is able. There is nothing to dispose.
 */
export const createRouter = (options: RouterOptions): Provider => {
  const { strategy, hedging, allowPaidRace = false, clock, log, counters = createCounters() } = options;
  const targets = options.targets.map(createKnownTarget);
  const [primary] = targets;
  if (!primary) throw new RangeError("A router needs at least one target");
  /** The switch that was logged last; undefined: the first target answers. */
  let loggedSwitch: string | undefined;

  const routing = {
    targets,
    isRace: strategy === "fastest" && targets.length > 1,
    allowPaidRace,
    hedging: hedging && { budget: createHedgeBudget(clock, hedging), floorMs: hedging.floorMs ?? defaultFloorMs },
    clock,
    counters,
    onSwitch(from: KnownTarget, to: KnownTarget, { kind }: ProviderError): void {
      const happened = `${from.name()} to ${to.name()}`;
      if (happened !== loggedSwitch) log.warn(`Switched from ${happened}: ${kind}`);
      loggedSwitch = happened;
    },
    onAnswer(target: KnownTarget): void {
      if (target !== primary || loggedSwitch === undefined) return;
      log.info(`Back at ${target.name()}`);
      loggedSwitch = undefined;
    },
  };

  /** Of the first target that tells them. Those that told nothing the last time are asked last. */
  const capabilities = async (call: CallOptions): Promise<Capabilities> => {
    const errors = new Map<KnownTarget, ProviderError>();
    for (const target of targets.toSorted((a, b) => Number(a.isSilent()) - Number(b.isSilent()))) {
      try {
        return await target.learn(call);
      } catch (error) {
        if (!(error instanceof ProviderError) || !faultPolicy(error).fallback) throw error;
        errors.set(target, error);
      }
    }
    throw errors.get(primary)!;
  };

  const { provider } = primary;
  return {
    kind: provider.kind,
    origin: provider.origin,
    models: (call) => provider.models(call),
    capabilities: (call = {}) => capabilities(call),
    health: (call) => provider.health(call),
    validateConnection: (use, call) => provider.validateConnection(use, call),
    streamCompletion: (request, call = {}) => routed(routing, completionJob(request, call), call),
    streamChat: (request, call = {}) => routed(routing, chatJob(request, call), call),
  };
};
