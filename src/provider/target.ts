import type { Breaker } from "../transport/breaker.ts";
import type { Limiter } from "../transport/limiter.ts";
import { createFirstTokenWindow, type FirstTokenWindow } from "./hedge.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, Provider, ProviderErrorKind } from "./provider.ts";

/** One model that a router may ask. What else is to be known of it comes from its `capabilities()`. */
export type Target = {
  /** Guarded, so that a server that keeps failing says `paused` at once. */
  readonly provider: Provider;
  /** When given, an extra request is sent only while it is closed. */
  readonly breaker?: Pick<Breaker, "state">;
  /** When given, an extra request needs a free place and no pause. */
  readonly limiter?: Pick<Limiter, "limit" | "running" | "queued" | "pausedMs">;
  /** Servers behind it that work side by side. Default 1. */
  readonly replicas?: number;
};

/** A target, and what a router has learned of it. */
export type KnownTarget = {
  readonly provider: Provider;
  readonly firstTokens: FirstTokenWindow;
  /** As they were last told. */
  readonly capabilities: Capabilities | undefined;
  /** What its last answer cost, in US dollars. */
  costUsd: number | undefined;
  /** This router's requests that it works on. */
  running: number;
  /** Whether it told nothing when it was last asked what it can do, or is left alone for now. */
  isSilent(): boolean;
  /** Asks it. @throws {ProviderError} */
  learn(call: CallOptions): Promise<Capabilities>;
  /**
   * What is known, else what it tells. Undefined: it tells nothing; its next request will say why.
   * @throws {ProviderError} where that request would end in the same way: waiting twice helps nobody.
   */
  recall(call: CallOptions): Promise<Capabilities | undefined>;
  /** Whether an extra request does no harm at it, or beside the one that it works on. */
  isFitForExtra(): boolean;
  /** Whether an extra request would be worked on at once; where that is not known, `unknown`. */
  hasRoom(): boolean | "unknown";
  /** For the log. */
  name(): string;
};

const noConnection: ReadonlySet<ProviderErrorKind> = new Set(["unreachable", "offline", "certificate", "proxy"]);

/** Starts to remember. */
export const createKnownTarget = ({ provider, breaker, limiter, replicas = 1 }: Target): KnownTarget => {
  let capabilities: Capabilities | undefined;
  let hasFailed = false;

  /** Requests that it works on at the same time; undefined: more than one. */
  const places = (): number | undefined => {
    const { kind } = provider;
    // Ollama works on one at a time unless told otherwise, and llama.cpp says how many.
    const oneServer =
      capabilities?.slots ?? limiter?.limit ?? (kind === "ollama" || kind === "llamacpp" ? 1 : undefined);
    return replicas > 1 ? Math.max(replicas, oneServer ?? 0) : oneServer;
  };

  const target: KnownTarget = {
    provider,
    firstTokens: createFirstTokenWindow(),
    costUsd: undefined,
    running: 0,
    get capabilities() {
      return capabilities;
    },
    isSilent: () => hasFailed || breaker?.state === "open",
    async learn(call) {
      try {
        capabilities = await provider.capabilities(call);
        hasFailed = false;
        return capabilities;
      } catch (error) {
        hasFailed ||= error instanceof ProviderError;
        throw error;
      }
    },
    async recall(call) {
      // Mostly only real requests count for a breaker, so a server that fails must get the next one.
      if (capabilities || target.isSilent()) return capabilities;
      try {
        return await target.learn(call);
      } catch (error) {
        if (!(error instanceof ProviderError) || noConnection.has(error.kind)) throw error;
        return undefined;
      }
    },
    isFitForExtra: () =>
      capabilities !== undefined &&
      !paysForAborted(capabilities) &&
      places() !== 1 &&
      (breaker === undefined || breaker.state === "closed") &&
      (limiter === undefined || limiter.pausedMs() === 0),
    hasRoom() {
      if (limiter && (limiter.queued > 0 || limiter.running >= limiter.limit)) return false;
      const count = places();
      return count === undefined ? "unknown" : target.running < count;
    },
    name: () => (capabilities ? `${capabilities.model} at ${provider.origin}` : provider.origin),
  };
  return target;
};

/** Whether somebody pays for an answer that is aborted. */
const paysForAborted = ({ isMetered, billsAborted }: Capabilities): boolean =>
  isMetered === true && billsAborted !== false;
