import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { MemoryFacts, ShownModel } from "../memory/describe.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import type { ResidencyStatistics } from "../memory/residency.ts";
import { memoryTips, type TipFacts } from "../memory/tips.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { isLoopbackHost } from "../transport/route.ts";
import type { MachineReading } from "./memoryReading.ts";
import type { LoadedResident, ModelResidency, UsedServer } from "./memoryResidency.ts";
import {
  createFileSizes,
  createHeaders,
  needOf,
  optionsAtPort,
  residentOptions,
  rowsOf,
  tipFactsOf,
  type TipSubject,
} from "./memoryTips.ts";

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
const usedTokensOf = (
  rows: ReturnType<Ledger["snapshot"]>["requests"],
  names: readonly string[],
): number | undefined => {
  const row = rowsOf(rows, names).find(({ usage }) => usage.promptTokens !== undefined);
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

/** A model to say something of, and what is shown beside. */
type Told = TipSubject & { readonly usedAtMs: number; readonly isOurs: boolean; readonly isInUse: boolean };

/**
 * The same for all addresses of a server on this machine; elsewhere an origin is a server. With the kind: a llama.cpp
 * server that is set up as another kind, too, tells of its model as the first alone.
 */
const keyOf = ({ provider }: UsedServer): string => {
  const { hostname, port, protocol } = new URL(provider.origin);
  return `${provider.kind} ${isLoopbackHost(hostname) ? `${protocol}${port}` : provider.origin}`;
};

const lastPart = (name: string): string => name.split(/[/\\]/).at(-1) ?? name;

export const createMemoryDetails = ({
  clock,
  ledger,
  residency,
  monitor,
  reading,
}: {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "snapshot">;
  readonly residency: () => ModelResidency | undefined;
  readonly monitor: Pick<MemoryMonitor, "latest">;
  /** What programs told last of this machine; starts none. */
  readonly reading: () => MachineReading | undefined;
}): MemoryDetails => {
  let counted: readonly Counted[] = [];
  const readHeader = createHeaders();
  const fileSizeOf = createFileSizes();

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

  const tellResident = async (
    resident: LoadedResident,
    all: readonly LoadedResident[],
    used: readonly UsedServer[],
    signal: AbortSignal,
  ): Promise<Told> => {
    const { server, model, contextTokens } = resident;
    const isHere = server.host === "";
    const together = all.filter((other) => other.server === server).length;
    const options = residentOptions(resident, together, reading());
    const asker = used.find(({ managed }) => managed === server);
    const fileBytes = asker && server.kind === "ollama" ? await fileSizeOf(asker, model, signal) : undefined;
    const header = isHere ? await readHeader(options?.file) : undefined;
    const need = header && options && needOf(header, options, contextTokens);
    return { ...resident, server: server.kind, loaded: resident, isHere, names: [model], options, fileBytes, need };
  };

  /** A server that holds one model has told of it with the first request, so this mostly asks nobody. */
  const tellPinned = async (
    server: UsedServer,
    together: readonly UsedServer[],
    signal: AbortSignal,
  ): Promise<readonly Told[]> => {
    const { provider, setting } = server;
    if (provider.kind !== "llamacpp") return [];
    const facts = await provider.capabilities({ signal }).catch(() => undefined);
    const model = lastPart(facts?.model ?? setting.model);
    if (model === "") return [];
    const { contextTokens, slots } = facts ?? {};
    const isHere = isLoopbackHost(new URL(provider.origin).hostname);
    const options = isHere ? optionsAtPort(provider.origin, reading()) : undefined;
    const header = options && (await readHeader(options.file ?? facts?.model));
    const need = header && options && needOf(header, options, contextTokens);
    const fileBytes = await fileSizeOf(server, model, signal);
    const sizeBytes = need?.totalBytes ?? fileBytes ?? 0;
    const loaded = { model, sizeBytes, ...(contextTokens === undefined ? {} : { contextTokens }) };
    const names = [model, facts?.model ?? "", ...together.map((one) => one.setting.model)];
    return [
      {
        server: "llamacpp",
        loaded,
        isHere,
        names,
        options,
        slots,
        fileBytes,
        need,
        usedAtMs: server.usedAtMs(),
        isOurs: true,
        isInUse: together.some((one) => one.provider.limiter.running > 0),
      },
    ];
  };

  const tipFor = (told: readonly Told[], statistics: ResidencyStatistics): string | undefined => {
    const { machineAvailableBytes } = monitor.latest();
    const hour = lastHour(statistics);
    const { requests: rows } = ledger.snapshot();
    const sources = { nowMs: clock.nowMs(), rows, reading: reading(), machineAvailableBytes };
    for (const subject of told.toSorted((a, b) => b.usedAtMs - a.usedAtMs)) {
      const [tip] = memoryTips({ ...tipFactsOf(subject, sources), ...hour }, vscode.l10n.t);
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
      const used = models.used();
      // A server that keeps one model holds it once, under however many names and addresses it is used.
      const alike = Map.groupBy(
        used.filter((server) => server.managed === undefined && isRecent(server)),
        keyOf,
      );
      const servers = [...alike.values()].map((together) => ({
        server: together.reduce((newest, one) => (one.usedAtMs() > newest.usedAtMs() ? one : newest)),
        together,
      }));
      const pinned = servers.map(({ server }) => server);
      const { signal } = late;
      const [residents, told] = await (async () => {
        const found = await listed(models, signal);
        const all = await Promise.all([
          ...found.map((resident) => tellResident(resident, found, used, signal)),
          ...servers.map(({ server, together }) => tellPinned(server, together, signal)),
        ]);
        return [found, all.flat()] as const;
      })().finally(() => timer.dispose());
      const { requests } = ledger.snapshot();
      const shown = told.map(({ loaded, names, isOurs, isInUse }) => ({
        model: loaded.model,
        sizeBytes: loaded.sizeBytes,
        contextTokens: loaded.contextTokens,
        usedTokens: usedTokensOf(requests, names),
        isOurs,
        isInUse,
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
        tip: tipFor(told, statistics),
      };
    },
  };
};
