import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { MemoryFacts, ShownModel } from "../memory/describe.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import type { ResidencyStatistics } from "../memory/residency.ts";
import { memoryTips, type TipFacts } from "../memory/tips.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { LoadedResident, ModelResidency, UsedServer } from "./memoryResidency.ts";

/** What is known of models, as the indicator, the alerts and the report show it. */
export type ModelDetails = Pick<MemoryFacts, "graphicsUsedBytes" | "nextUnload" | "tip"> & {
  readonly models: readonly ShownModel[];
  /** Those that can be unloaded. */
  readonly residents: readonly LoadedResident[];
  readonly statistics: ResidencyStatistics | undefined;
  /** Servers that keep the model they were started with. */
  readonly pinned: readonly UsedServer[];
};

export type MemoryDetails = {
  /** Asks the servers in use what they hold. Never throws; takes three seconds at most. */
  look(): Promise<ModelDetails>;
};

const lookMs = 3_000;
const hourMs = 3_600_000;
/** A server that was not asked for so long may have been taken out of the settings. */
const recentMs = 10 * 60_000;

type Counted = { readonly atMs: number; readonly evictions: number; readonly requests: number };

const clockTime = (atMs: number): string =>
  new Date(atMs).toLocaleTimeString(vscode.env.language, { hour: "2-digit", minute: "2-digit" });

/** Tokens that the last answer of a model read and wrote: what of its context is taken. */
const usedTokensOf = (rows: ReturnType<Ledger["snapshot"]>["requests"], model: string): number | undefined => {
  const row = rows.find((candidate) => candidate.model === model && candidate.usage.promptTokens !== undefined);
  return row && (row.usage.promptTokens ?? 0) + (row.usage.generatedTokens ?? 0);
};

const listed = async (models: ModelResidency, signal: AbortSignal): Promise<readonly LoadedResident[]> => {
  try {
    return await models.list(signal);
  } catch {
    // A server that does not answer now is not worth a word here: the next request tells.
    return models.lastList();
  }
};

/** A server that holds one model has told of it with the first request, so this mostly asks nobody. */
const pinnedModel = async ({ provider, setting }: UsedServer, signal: AbortSignal): Promise<readonly ShownModel[]> => {
  if (provider.kind !== "llamacpp") return [];
  const facts = await provider.capabilities({ signal }).catch(() => undefined);
  const name = facts?.model.split(/[/\\]/).at(-1) ?? setting.model;
  if (name === "") return [];
  const { contextTokens } = facts ?? {};
  return [{ model: name, sizeBytes: 0, contextTokens, isOurs: true, isInUse: provider.limiter.running > 0 }];
};

export const createMemoryDetails = ({
  clock,
  ledger,
  residency,
  monitor,
}: {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "snapshot">;
  readonly residency: () => ModelResidency | undefined;
  readonly monitor: Pick<MemoryMonitor, "latest">;
}): MemoryDetails => {
  let counted: readonly Counted[] = [];

  /** Loads that pushed something out, and requests, in the last hour. */
  const lastHour = ({
    hits,
    misses,
    evictions,
  }: ResidencyStatistics): Pick<TipFacts, "evictionsLastHour" | "requestsLastHour"> => {
    const now = { atMs: clock.nowMs(), evictions, requests: hits + misses };
    counted = [...counted.filter(({ atMs }) => now.atMs - atMs <= hourMs), now];
    const [first = now] = counted;
    return { evictionsLastHour: evictions - first.evictions, requestsLastHour: now.requests - first.requests };
  };

  const tipFor = (residents: readonly LoadedResident[], statistics: ResidencyStatistics): string | undefined => {
    const { machineAvailableBytes } = monitor.latest();
    const hour = lastHour(statistics);
    for (const loaded of residents.toSorted((a, b) => b.usedAtMs - a.usedAtMs)) {
      const { kind, host } = loaded.server;
      const [tip] = memoryTips(
        {
          server: kind,
          loaded,
          // Where a part lies elsewhere there are two memories; Apple's machines have one.
          hasOwnGraphicsMemory: host !== "" || process.platform !== "darwin",
          ...(host === "" ? { machineAvailableBytes } : {}),
          ...hour,
        },
        vscode.l10n.t,
      );
      if (tip) return tip.text;
    }
    return undefined;
  };

  return {
    async look() {
      const models = residency();
      if (!models) return { models: [], residents: [], statistics: undefined, pinned: [] };
      const late = new AbortController();
      const timer = clock.after(lookMs, () => late.abort());
      const isRecent = (server: UsedServer) => clock.nowMs() - server.usedAtMs() < recentMs;
      const pinned = models.used().filter((server) => server.managed === undefined && isRecent(server));
      const [residents, others] = await Promise.all([
        listed(models, late.signal),
        Promise.all(pinned.map((server) => pinnedModel(server, late.signal))),
      ]).finally(() => timer.dispose());
      const { requests } = ledger.snapshot();
      const shown = [...residents, ...others.flat()].map((model) => ({
        model: model.model,
        sizeBytes: model.sizeBytes,
        contextTokens: model.contextTokens,
        usedTokens: usedTokensOf(requests, model.model),
        isOurs: model.isOurs,
        isInUse: model.isInUse,
      }));
      const graphics = residents.flatMap(({ graphicsBytes, server }) =>
        graphicsBytes === undefined || server.host !== "" ? [] : [graphicsBytes],
      );
      const next = models.nextUnload();
      const statistics = models.statistics();
      return {
        models: shown,
        residents,
        statistics,
        pinned,
        graphicsUsedBytes: graphics.length === 0 ? undefined : graphics.reduce((sum, bytes) => sum + bytes, 0),
        nextUnload: next && { model: next.model, at: clockTime(next.atMs) },
        tip: tipFor(residents, statistics),
      };
    },
  };
};
