import os from "node:os";
import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { settingsOf, type ModelSelection } from "../host/modelSelection.ts";
import type { ApiKeys } from "../host/secrets.ts";
import { faultKind } from "../host/sentences.ts";
import type { Role, Settings } from "../host/settingsSchema.ts";
import type { MemorySample } from "../memory/sample.ts";
import type { Provider } from "../provider/provider.ts";
import { createProvider } from "../provider/registry.ts";
import type { TransportClient } from "../transport/client.ts";
import { chooseServer, type ChosenServer } from "./chooseServer.ts";
import { chooseModelsOf, findFillers, selectionOf, type ChosenModels } from "./chooseModels.ts";
import { pick, withCancel } from "./quickPick.ts";
import { setUpSentence, testSentence, type TestResult } from "./setUpTexts.ts";

export type SetUpOptions = {
  /** Asked anew for each use: the network's settings may be corrected meanwhile, which closes the client. */
  readonly transport: () => Promise<TransportClient>;
  readonly clock: Clock;
  readonly log: Log;
  readonly apiKeys: ApiKeys;
  readonly settings: () => Settings;
  readonly readMemory: () => MemorySample;
  /** Writes settings, all of them before any takes effect. */
  readonly write: (changes: Readonly<Record<string, unknown>>) => Promise<void>;
};

type Tested = { readonly results: readonly TestResult[]; readonly fault: unknown };

/**
 * "Hotpath: Set up a provider": finds model servers, lets the person choose one and its models, tests them and writes
 * the settings. A folder has no say in it: only this machine's usual ports and what the person enters are asked, and
 * nothing of the folder is sent. So it works in a folder that is not trusted, too.
 */
export const setUpProvider = async (options: SetUpOptions): Promise<void> => {
  const readHere = { ...options, ollamaHost: process.env["OLLAMA_HOST"], hostName: os.hostname() };
  for (;;) {
    const server = await chooseServer(readHere);
    if (!server) return;
    const connect = (model: string): Promise<Provider> => connectTo(server, model, options);
    const alsoFillsIn = findFillers(server, connect);
    let models: ChosenModels | undefined;
    for (;;) {
      const { machineTotalBytes: totalBytes, machineAvailableBytes: availableBytes } = options.readMemory();
      const memory = server.isHere ? { totalBytes, availableBytes } : undefined;
      const answer = await chooseModelsOf(server, { memory, alsoFillsIn, before: models });
      if (answer === undefined) return;
      if (answer === "back") break;
      models = answer;
      if (await testAndSave(server, selectionOf(server, models), connect, options)) return;
    }
  }
};

/** The raw provider: a fault is to be seen, not mended. */
const connectTo = async (server: ChosenServer, model: string, options: SetUpOptions): Promise<Provider> => {
  const { clock, log, apiKeys } = options;
  const transport = await options.transport();
  const origin = new URL(server.baseUrl).origin;
  const apiKey = async () => server.apiKey ?? apiKeys.get(origin);
  return createProvider(server.kind, { baseUrl: server.baseUrl, model, apiKey }, { transport, clock, log });
};

/** False: the person wants to change something. */
const testAndSave = async (
  server: ChosenServer,
  selection: ModelSelection,
  connect: (model: string) => Promise<Provider>,
  options: SetUpOptions,
): Promise<boolean> => {
  const { l10n } = vscode;
  for (;;) {
    const { results, fault } = await test(server, selection, connect);
    if (fault === undefined) {
      if (!(await save(server, selection, options))) return false;
      const sentence = l10n.t("{0} is set up: {1}", server.name, testSentence(results, server.mayCharge, l10n.t));
      const waits = vscode.workspace.isTrusted
        ? ""
        : ` ${l10n.t("This folder is not trusted: nothing of it is sent until you trust it.")}`;
      void vscode.window.showInformationMessage(sentence + waits);
      return true;
    }
    const kind = faultKind(fault);
    // The test was cancelled, not the set-up.
    if (kind === undefined) return false;
    if (kind === "unknown") options.log.error(fault instanceof Error ? String(fault) : kind);
    const sentence = setUpSentence(kind, new URL(server.baseUrl).host, l10n.t);
    // No notification, which may go unseen: what was chosen and a key that was entered wait for the answer.
    const choice = await pick<"try-again" | "change" | "save">({
      title: l10n.t("Hotpath: The test failed"),
      placeholder: l10n.t("Choose what to do"),
      prompt: sentence,
      canGoBack: true,
      choices: [
        { label: l10n.t("Try again"), value: "try-again" },
        { label: l10n.t("Change"), description: l10n.t("take other models or another server"), value: "change" },
        { label: l10n.t("Save anyway"), description: l10n.t("without a test that went well"), value: "save" },
      ],
    });
    if (choice === "try-again") continue;
    if (choice === "change" || choice === "back") return false;
    if (choice === "save") {
      if (!(await save(server, selection, options))) return false;
      void vscode.window.showInformationMessage(l10n.t("Saved without a test that went well."));
    }
    return true;
  }
};

const test = async (
  server: ChosenServer,
  { models }: ModelSelection,
  connect: (model: string) => Promise<Provider>,
): Promise<Tested> => {
  const { l10n } = vscode;
  const title = l10n.t("Testing {0}. The first answer takes longer while the model is read into memory.", server.name);
  const uses: { readonly role: Role; readonly use: "completion" | "chat" }[] = [
    { role: "completion", use: "completion" },
    { role: "chat", use: "chat" },
    { role: "background", use: "chat" },
  ];
  const asked = new Set<string>();
  const results: TestResult[] = [];
  try {
    await withCancel(title, async (signal) => {
      for (const { role, use } of uses) {
        const model = models[role];
        // One answer of a model is proof enough for its other roles: the test may cost money.
        if (model === undefined || asked.has(model)) continue;
        asked.add(model);
        const provider = await connect(model);
        const found = await provider.validateConnection(use, { signal });
        if (!found.ok) throw found.error;
        results.push({ model: found.model, firstTokenMs: found.firstTokenMs, costUsd: found.usage.costUsd });
      }
    });
    return { results, fault: undefined };
  } catch (error) {
    return { results, fault: error };
  }
};

/** False: it did not work, and the person was told. */
const save = async (server: ChosenServer, selection: ModelSelection, options: SetUpOptions): Promise<boolean> => {
  const { l10n } = vscode;
  try {
    // The key first: settings that are read without it would ask for it.
    if (server.apiKey !== undefined) await options.apiKeys.set(new URL(server.baseUrl).origin, server.apiKey);
    await options.write(settingsOf(selection, options.settings()));
    return true;
  } catch (error) {
    options.log.error(`The set-up could not be saved: ${String(error)}`);
    void vscode.window.showErrorMessage(
      l10n.t("Not all of it could be saved. Look at your settings.json for mistakes, then save again."),
    );
    return false;
  }
};
