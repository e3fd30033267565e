import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { createCounters } from "../../../src/provider/counters.ts";
import { guard, type GuardOptions } from "../../../src/provider/guard.ts";
import type {
  CallOptions,
  Capabilities,
  Health,
  Provider,
  ProviderKind,
  StreamPart,
} from "../../../src/provider/provider.ts";
import { createBreaker } from "../../../src/transport/breaker.ts";
import { createLimiter, type Limiter, type LimiterOutcome, type Priority } from "../../../src/transport/limiter.ts";
import { createFakeClock, type FakeClock } from "../../fake/clock.ts";
import type { ModelServerOptions } from "../../fake/modelServer.ts";
import { createProviderHarness } from "./harness.ts";

/** Lets everything happen that needs no timer: sockets, promises, the other side's answers. */
export const settle = async (turns = 30): Promise<void> => {
  for (let count = 0; count < turns; count++) await turn();
};

/** A limiter that lets all pass and writes down what it is told. */
export const createOpenLimiter = (clock: FakeClock) => {
  const outcomes: LimiterOutcome[] = [];
  const priorities: Priority[] = [];
  const limiter = createLimiter({ clock, initialLimit: 64, random: () => 0.5 });
  const open: Limiter = Object.create(limiter, {
    acquire: {
      value: async (priority: Priority, signal?: AbortSignal) => {
        priorities.push(priority);
        const permit = await limiter.acquire(priority, signal);
        return {
          release(outcome: LimiterOutcome) {
            outcomes.push(outcome);
            permit.release(outcome);
          },
        };
      },
    },
  }) as Limiter;
  return { limiter: open, outcomes, priorities };
};

const parts = (clock: FakeClock, limit: number) => ({
  limiter: createLimiter({ clock, initialLimit: limit, random: () => 0.5 }),
  breaker: createBreaker({ clock, random: () => 0 }),
  counters: createCounters(),
  clock,
  log: silentLog,
  random: () => 0.5,
});

/** A guarded provider that talks to a fake server. All waits are half of what they can be. */
export const createGuardHarness = async (
  context: TestContext,
  {
    kind = "openai-compatible",
    limit = 8,
    server: serverOptions = {},
    ...more
  }: Partial<Omit<GuardOptions, "clock">> & { kind?: ProviderKind; limit?: number; server?: ModelServerOptions } = {},
) => {
  const {
    clock,
    server,
    transport,
    provider: raw,
  } = await createProviderHarness(context, kind, {
    model: "qwen2.5-coder-7b",
    server: { modelId: "qwen2.5-coder-7b", ...serverOptions },
  });
  const options = { ...parts(clock, limit), ...more };
  return { ...options, server, transport, raw, provider: guard(raw, options) };
};

/** What a stubbed provider does with one request; the last one is repeated. */
export type Behaviour = (call: CallOptions) => AsyncIterable<StreamPart>;

/** An answer of one word. */
export const answer: Behaviour = async function* () {
  yield { type: "text", text: "yes" };
  yield { type: "end", reason: "stop", usage: { promptTokens: 10, cachedTokens: 4, generatedTokens: 1 } };
};

/** A fault before any part. */
export const failing = (make: () => Error): Behaviour =>
  // oxlint-disable-next-line require-yield
  async function* () {
    throw make();
  };

/** A guarded provider over a stub. */
export const createStubHarness = ({
  behaviours = [answer],
  health = { status: "ok" },
  capabilities = {},
  kind = "openrouter",
  limit = 8,
  clock = createFakeClock(),
  ...more
}: Partial<Omit<GuardOptions, "clock">> & {
  clock?: FakeClock;
  behaviours?: readonly Behaviour[];
  health?: Health;
  capabilities?: Partial<Capabilities>;
  kind?: ProviderKind;
  limit?: number;
} = {}) => {
  const state = { behaviours: [...behaviours], health, asked: { models: 0, capabilities: 0, health: 0 }, sent: 0 };
  const send = (call: CallOptions = {}): AsyncIterable<StreamPart> => {
    state.sent++;
    const behaviour = state.behaviours.length > 1 ? state.behaviours.shift() : state.behaviours[0];
    return (behaviour ?? answer)(call);
  };
  const raw: Provider = {
    kind,
    origin: "https://models.example",
    async models() {
      state.asked.models++;
      for await (const part of send()) if (part.type === "end") break;
      return [{ id: "m" }];
    },
    async capabilities() {
      state.asked.capabilities++;
      return {
        model: "m",
        fillInMiddle: "none",
        slots: undefined,
        contextTokens: undefined,
        ...capabilities,
      };
    },
    async health() {
      state.asked.health++;
      return state.health;
    },
    validateConnection: () => Promise.resolve({ ok: true, model: "m", firstTokenMs: 1, totalMs: 1, usage: {} }),
    streamCompletion: (_request, call) => send(call),
    streamChat: (_request, call) => send(call),
  };
  const options = { ...parts(clock, limit), ...more };
  return { ...options, raw, state, provider: guard(raw, options) };
};
