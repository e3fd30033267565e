import os from "node:os";
import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { lazy } from "../base/lazy.ts";
import { computesOnProcessor, machineDevice, type MachineDevice } from "../hardware/machineDevice.ts";
import { measuredSpeed, type MeasuredSpeed } from "../hardware/measured.ts";
import { createMemoryMeasurement, createProbe, type HardwareFacts } from "../hardware/probe.ts";
import type { InstalledModel } from "../hardware/recommend.ts";
import { readServerModels, type AskJson } from "../hardware/serverModels.ts";
import type { MemorySample } from "../memory/sample.ts";
import type { LedgerSnapshot } from "../metrics/ledger.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { identifyServer, localOrigins, type FoundServer } from "../provider/discover.ts";
import { asCount, asList, asObject } from "../provider/json.ts";
import { fillsInMiddle, writesText } from "../provider/modelChoice.ts";
import type { ProviderKind } from "../provider/provider.ts";
import type { TransportClient } from "../transport/client.ts";
import { TransportError } from "../transport/errors.ts";
import { isLoopbackHost } from "../transport/route.ts";
import { originsOf, type Settings } from "./settingsSchema.ts";

/** A model that a server on this machine has. */
export type MachineModel = InstalledModel & {
  readonly server: { readonly name: string; readonly kind: ProviderKind; readonly baseUrl: string };
  /** Its file here, where that could be read. */
  readonly file: string | undefined;
  readonly measured: MeasuredSpeed;
};

/** What is known of this machine once somebody asks for advice. */
export type MachineView = MachineDevice & {
  readonly hardware: HardwareFacts;
  /** Name of the machine that was looked at: in a remote window the remote one. */
  readonly hostName: string;
  /** Empty in a folder that is not trusted, where no server is asked. */
  readonly models: readonly MachineModel[];
  /** Where an Ollama answers on this machine. */
  readonly ollamaUrl: string | undefined;
};

/** Reads this machine and its model servers, when somebody asks. */
export type Machine = {
  /** Processor and graphics, read once, in a worker. Rejects when the worker fails. */
  hardware(): Promise<HardwareFacts>;
  /** All of it, read anew, in some tenths of a second. Rejects as `hardware` does, and with the `AbortError`. */
  view(options?: ViewOptions): Promise<MachineView>;
};

export type ViewOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Whether all cores may copy memory to find its speed. Default true; else the last measurement counts, or what is usual. */
  readonly mayMeasure?: boolean;
  /** What somebody else is reading of processor and graphics just now: it is not read twice. Undefined: nobody could. */
  readonly reading?: Promise<HardwareFacts | undefined>;
};

export type MachineOptions = {
  readonly clock: Clock;
  /** The built file of the probe's worker. */
  readonly workerUrl: URL;
  readonly transport: () => Promise<TransportClient>;
  readonly apiKeyFor: (origin: string) => Promise<string | undefined>;
  readonly settings: () => Settings;
  readonly readMemory: () => MemorySample;
  readonly ledger: { snapshot(): LedgerSnapshot };
};

const questionMs = 10_000;
/** Ollama's verbose answer holds a whole vocabulary. */
const answerMaxBytes = 48 * 1024 * 1024;
/** Longer than a server on this machine takes, and short enough to wait for. */
const identifyMs = 1500;

const askAt =
  (baseUrl: string, apiKey: string | undefined, transport: TransportClient, signal: AbortSignal | undefined): AskJson =>
  async (method, route, body) => {
    const response = await transport.request({
      method,
      url: `${baseUrl.replace(/\/v1$/, "")}${route}`,
      headers: {
        accept: "application/json",
        ...(body ? { "content-type": "application/json" } : {}),
        ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      deadlines: { firstByteMs: questionMs, totalMs: questionMs },
      ...(signal ? { signal } : {}),
    });
    if (response.status < 400) return response.json(answerMaxBytes);
    response.discard();
    return undefined;
  };

/** A server that was silent once is not asked again: each question would hold up anew what the others tell. */
const untilSilent = (ask: AskJson): AskJson => {
  let isSilent = false;
  return async (...question) => {
    if (isSilent) return undefined;
    try {
      return await ask(...question);
    } catch (error) {
      isSilent ||= error instanceof TransportError && error.kind.endsWith("-timeout");
      throw error;
    }
  };
};

/** Ollama lists `qwen` as `qwen:latest`, and requests name it as the settings do. */
const aliases = (name: string): readonly string[] =>
  name.endsWith(":latest") ? [name, name.slice(0, -":latest".length)] : [name];

const isHere = (origin: string): boolean => isLoopbackHost(new URL(origin).hostname);

/** What this window's servers hold of the cards' memory, which they give back when another model is loaded. */
const heldByOllama = async (ask: AskJson): Promise<number> => {
  const running = asList(asObject(await ask("GET", "/api/ps").catch(() => undefined))["models"]);
  return running.reduce<number>((sum, entry) => sum + (asCount(asObject(entry)["size_vram"]) ?? 0), 0);
};

/** Makes it; nothing is read yet. */
export const createMachine = (options: MachineOptions): Machine => {
  const { clock, workerUrl, settings, readMemory, ledger } = options;
  const readHardware = () => createProbe({ workerUrl, clock })();
  const hardware = lazy(readHardware);
  const measureMemory = createMemoryMeasurement({ workerUrl, clock });

  let measuredBytesPerSecond: number | undefined;

  /** Not worth failing for: without it a usual machine's is assumed. */
  const bandwidth = async (facts: HardwareFacts, mayMeasure: boolean): Promise<number | undefined> => {
    if (!computesOnProcessor(facts)) return undefined;
    if (mayMeasure) measuredBytesPerSecond = await measureMemory().catch(() => measuredBytesPerSecond);
    return measuredBytesPerSecond;
  };

  const describe = async (server: FoundServer, ask: AskJson): Promise<MachineModel[]> => {
    const { requests } = ledger.snapshot();
    const wanted = server.models.filter((model) => writesText(model) && !model.isElsewhere);
    const models = await readServerModels({ ...server, models: wanted, isHere: true }, ask);
    return models.map(({ id, facts, file }): MachineModel => {
      const names = [id, facts?.name ?? "", file ?? ""].filter((name) => name !== "");
      return {
        id: id === "" ? (names[0] ?? server.name) : id,
        facts,
        fillsIn: names.some((name) => fillsInMiddle({ id: name })),
        measured: measuredSpeed(requests, { provider: server.kind, models: [...names.flatMap(aliases), server.kind] }),
        server: { name: server.name, kind: server.kind, baseUrl: server.baseUrl },
        file,
      };
    });
  };

  const readServers = async (signal: AbortSignal | undefined) => {
    const none = { models: [], ollamaUrl: undefined, heldBytes: 0, othersHold: false };
    // Only what the person set up and this machine's usual ports are asked, and never for a folder nobody trusts.
    if (!vscode.workspace.isTrusted) return none;
    const transport = await options.transport();
    const origins = [...new Set([...originsOf(settings()), ...localOrigins(process.env["OLLAMA_HOST"])])].filter(
      isHere,
    );
    const found = await Promise.all(
      origins.map(async (origin) => {
        const stored = await options.apiKeyFor(origin);
        const apiKey = stored !== undefined && parseBaseUrl(origin).acceptsKey ? stored : undefined;
        const server = await identifyServer(origin, {
          transport,
          totalMs: identifyMs,
          ...(signal ? { signal } : {}),
          ...(apiKey ? { apiKey } : {}),
        });
        if (!server || server.wantsKey) return undefined;
        const ask = untilSilent(askAt(server.baseUrl, apiKey, transport, signal));
        const isOllama = server.kind === "ollama";
        const [models, heldBytes] = await Promise.all([describe(server, ask), isOllama ? heldByOllama(ask) : 0]);
        return { server, models, heldBytes };
      }),
    );
    signal?.throwIfAborted();
    const servers = found.filter((one) => one !== undefined);
    return {
      models: servers.flatMap(({ models }) => models),
      ollamaUrl: servers.find(({ server }) => server.kind === "ollama")?.server.baseUrl,
      heldBytes: servers.reduce((sum, one) => sum + one.heldBytes, 0),
      // These do not say what they hold.
      othersHold: servers.some(({ server }) => server.kind !== "ollama"),
    };
  };

  return {
    hardware,
    async view({ signal, mayMeasure = true, reading } = {}) {
      // Read anew: what is free of a card's memory was another moment's.
      const readFacts = async () => (await reading) ?? (await readHardware());
      const [facts, servers] = await Promise.all([readFacts(), readServers(signal)]);
      signal?.throwIfAborted();
      const memory = { totalBytes: readMemory().machineTotalBytes, bytesPerSecond: await bandwidth(facts, mayMeasure) };
      const { device, freeBytes } = machineDevice(facts, memory);
      signal?.throwIfAborted();
      const canTell = freeBytes !== undefined && !servers.othersHold;
      return {
        hardware: facts,
        device,
        ...(canTell ? { freeBytes: freeBytes + servers.heldBytes } : {}),
        hostName: os.hostname(),
        models: servers.models,
        ollamaUrl: servers.ollamaUrl,
      };
    },
  };
};
