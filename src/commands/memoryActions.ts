import os from "node:os";
import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { inNotice, withoutLinks } from "../base/notice.ts";
import type { Connections } from "../host/connections.ts";
import type { Memory } from "../host/memory.ts";
import { muteForToday, unmute } from "../host/memoryAlerts.ts";
import type { LoadedResident } from "../host/memoryResidency.ts";
import type { Notices } from "../host/notices.ts";
import type { ModelSetting, RoleSetting, Settings } from "../host/settingsSchema.ts";
import { formatBytes } from "../memory/format.ts";
import { ResidencyError } from "../memory/modelServer.ts";
import { formatDuration } from "../report/formats.ts";
import { heading, pick, withCancel, type Choice } from "./quickPick.ts";
import { inList } from "./setUpTexts.ts";

/** What the actions about memory need of the rest of the program. */
export type MemoryActionServices = {
  readonly clock: Clock;
  readonly memory: () => Promise<Memory>;
  readonly connections: Pick<Connections, "exact">;
  readonly notices: Pick<Notices, "noServer" | "notTrusted">;
  readonly settings: () => Settings;
  readonly write: (changes: Readonly<Record<string, unknown>>) => Promise<void>;
  /** The address of a worker's built file. */
  readonly workerUrl: (name: string) => URL;
  readonly reportFault: (error: unknown, setting: ModelSetting | undefined, isAsked?: boolean) => Promise<void>;
  /**
   * Works out in the background what to set for the loaded models, once, and has the indicator show it. `reading`: this
   * machine as it is being read already. Never throws.
   */
  readonly adviseModels: (reading: ReturnType<Memory["readMachine"]>) => void;
};

/** Says something that needs no answer; nobody waits until it is closed. */
export const inform = (sentence: string): void => void vscode.window.showInformationMessage(withoutLinks(sentence));

/** Graphics memory, disk and network as they are now, each where the system tells. */
const machineRows = async (clock: Clock, watch: Memory): Promise<Choice<string>[]> => {
  const { l10n } = vscode;
  const { readDisk, readNetwork } = await import("../memory/onDemand.ts");
  // Models lie in the home folder unless somebody has moved them.
  const [disk, network, reading] = await Promise.all([readDisk(os.homedir()), readNetwork(clock), watch.readMachine()]);
  const { graphics } = reading ?? {};
  const rows = [
    ...(graphics
      ? [
          [
            l10n.t("Graphics memory"),
            l10n.t("{0} of {1} in use", formatBytes(graphics.usedBytes), formatBytes(graphics.totalBytes)),
          ] as const,
        ]
      : []),
    ...(disk
      ? [
          [
            l10n.t("Disk"),
            l10n.t("{0} free of {1}", formatBytes(disk.freeBytes), formatBytes(disk.totalBytes)),
          ] as const,
        ]
      : []),
    ...(network
      ? [
          [
            l10n.t("Network"),
            l10n.t(
              "{0} received, {1} sent a second",
              formatBytes(network.receivedBytesPerSecond),
              formatBytes(network.sentBytesPerSecond),
            ),
          ] as const,
        ]
      : []),
  ];
  const choices = rows.map(([label, description]) => ({ label, description, value: label }));
  return choices.length === 0 ? [] : [heading(l10n.t("The machine")), ...choices];
};

/** Names and sizes of the programs that take most memory, nothing of their paths or arguments; below what else is asked for on demand. */
export const showTopProcesses = async ({ clock, memory, workerUrl }: MemoryActionServices): Promise<void> => {
  const { l10n } = vscode;
  const { readTopProcesses } = await import("../hardware/probe.ts");
  const watch = await memory();
  const { remote } = watch;
  const read = async (): Promise<Choice<string>[]> => {
    const machine = machineRows(clock, watch);
    const processes = await readTopProcesses({ workerUrl: workerUrl("probeWorker"), clock });
    // As values, so that the log can take out what looks like a path.
    const fields: Record<string, string | number> = {};
    for (const [index, { name, memoryBytes }] of processes.entries()) {
      fields[`name${index}`] = name;
      fields[`bytes${index}`] = memoryBytes;
    }
    watch.log("processes", fields);
    const rows = processes.map(({ name, memoryBytes }) => ({
      label: name,
      description: formatBytes(memoryBytes),
      value: name,
    }));
    return [...rows, ...(await machine)];
  };
  try {
    await pick({
      title:
        remote === undefined ? l10n.t("Top processes by memory") : l10n.t("Top processes by memory on {0}", remote),
      placeholder: l10n.t("Processes of one name are counted together"),
      choices: read(),
    });
  } catch {
    void vscode.window.showErrorMessage(l10n.t("The processes of this machine could not be read."));
  }
};

/** Mutes; "unmute" ends it, which a muted person is offered as well. */
export const muteMemoryAlerts = async (services: MemoryActionServices, wanted: unknown): Promise<void> => {
  const { l10n } = vscode;
  const { globalState } = await services.memory();
  if (wanted === "unmute") {
    await unmute(globalState);
    return inform(l10n.t("Memory alerts are shown again."));
  }
  await muteForToday(globalState, services.clock);
  const again = l10n.t("Show again");
  const said = vscode.window.showInformationMessage(
    l10n.t("Memory alerts are muted until midnight. The status bar still shows how things are."),
    again,
  );
  // Not waited for: a notification may stay for hours.
  void said.then((choice) => (choice === again ? muteMemoryAlerts(services, "unmute") : undefined));
};

/** The settings' models that a person may want in memory, each once. */
const settingsToLoad = ({ completion, chat, background }: Settings): readonly RoleSetting[] => {
  const found = new Map<string, RoleSetting>();
  for (const setting of [completion, chat, background]) {
    if (!setting || setting.provider === "openrouter") continue;
    const key = `${setting.provider} ${setting.baseUrl} ${setting.model}`;
    if (!found.has(key)) found.set(key, setting);
  }
  return [...found.values()];
};

const chooseSetting = async (settings: readonly RoleSetting[]): Promise<RoleSetting | undefined> => {
  const [only, ...others] = settings;
  if (others.length === 0) return only;
  const choices = settings.map((value) => ({
    label: value.model || vscode.l10n.t("the server's own"),
    description: new URL(value.baseUrl).host,
    value,
  }));
  const choice = await pick({ title: vscode.l10n.t("Warm up the model"), placeholder: "", choices });
  return choice === "back" ? undefined : choice;
};

/** Loads a model now, so that the next request finds it in memory. */
export const warmUpModel = async (services: MemoryActionServices): Promise<void> => {
  const { clock, memory, connections, notices, settings } = services;
  const { l10n } = vscode;
  const known = settingsToLoad(settings());
  if (known.length === 0) return notices.noServer();
  if (!vscode.workspace.isTrusted) return notices.notTrusted();
  const setting = await chooseSetting(known);
  if (!setting) return;
  const name = setting.model || new URL(setting.baseUrl).host;
  const startMs = clock.nowMs();
  const watch = await memory();
  try {
    const isLoaded = await withCancel(l10n.t("Loading {0}", name), async (signal) => {
      const residency = await watch.residency();
      return residency.load(await connections.exact(setting), setting, signal);
    });
    const took = formatDuration(clock.nowMs() - startMs);
    inform(
      isLoaded
        ? l10n.t("{0} is loaded; it took {1}.", name, took)
        : l10n.t("The server at {0} keeps its model loaded by itself.", new URL(setting.baseUrl).host),
    );
    await watch.models();
  } catch (error) {
    await services.reportFault(error, setting, true);
  }
};

const stateOf = ({ isInUse, isOurs }: LoadedResident): string => {
  if (isInUse) return vscode.l10n.t("in use");
  return isOurs ? "" : vscode.l10n.t("loaded by another program");
};

const namesOf = (residents: readonly LoadedResident[]): string =>
  residents.map(({ model }) => inNotice(model)).join(", ");

/** Who unloads what others loaded is told so first. */
const agrees = async (residents: readonly LoadedResident[]): Promise<boolean> => {
  const { l10n } = vscode;
  const foreign = residents.filter(({ isOurs }) => !isOurs);
  if (foreign.length === 0) return true;
  const names = namesOf(foreign);
  const sentence =
    foreign.length === 1
      ? l10n.t("{0} was loaded by another program, or before this window was opened. Unload it?", names)
      : l10n.t("{0} were loaded by another program, or before this window was opened. Unload them?", names);
  const unload = l10n.t("Unload");
  return (await vscode.window.showWarningMessage(sentence, { modal: true }, unload)) === unload;
};

/** Unloads these, each whatever came of the one before, and says what came of it; nothing after a person has cancelled. */
const unloadAll = async ({ memory }: MemoryActionServices, residents: readonly LoadedResident[]): Promise<void> => {
  const { l10n } = vscode;
  const watch = await memory();
  const gone: LoadedResident[] = [];
  const late: LoadedResident[] = [];
  const failed: LoadedResident[] = [];
  const isWhole = await withCancel(l10n.t("Unloading {0}", namesOf(residents)), async (signal) => {
    const residency = await watch.residency();
    for (const resident of residents) {
      try {
        if (await residency.unload(resident, signal)) gone.push(resident);
      } catch (error) {
        if (signal.aborted || (error instanceof Error && isAbortError(error))) return false;
        (error instanceof ResidencyError ? late : failed).push(resident);
      }
    }
    return true;
  });
  const unloaded = namesOf([...gone, ...late]);
  if (unloaded !== "") watch.log("model", { event: "unload", model: unloaded });
  if (gone.length > 0) {
    const freed = formatBytes(gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    const names = namesOf(gone);
    inform(
      gone.length === 1
        ? l10n.t("{0} was unloaded ({1}).", names, freed)
        : l10n.t("{0} were unloaded ({1}).", names, freed),
    );
  }
  if (late.length > 0) {
    const names = namesOf(late);
    void vscode.window.showWarningMessage(
      late.length === 1
        ? l10n.t("{0} was unloaded, but its memory has not come back yet.", names)
        : l10n.t("{0} were unloaded, but their memory has not come back yet.", names),
    );
  }
  if (failed.length > 0) {
    void vscode.window.showWarningMessage(l10n.t("{0} could not be unloaded.", namesOf(failed)));
  }
  if (isWhole && gone.length + late.length + failed.length === 0) {
    const names = namesOf(residents);
    inform(
      residents.length === 1
        ? l10n.t("{0} is in use now and stays loaded.", names)
        : l10n.t("{0} are in use now and stay loaded.", names),
    );
  }
  await watch.models();
};

/** Unloads the model that a person chooses; "leastRecentlyUsed" and "all" choose among those that are idle. */
export const unloadModel = async (services: MemoryActionServices, which: unknown): Promise<void> => {
  const { l10n } = vscode;
  const { residents } = await (await services.memory()).models();
  const idle = residents.filter(({ isInUse }) => !isInUse);
  const oldestFirst = residents.toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  if (residents.length === 0) return inform(l10n.t("No model is loaded that Hotpath can unload."));
  if (which === "leastRecentlyUsed") {
    // Who asks for this is short of this machine's memory.
    const here = oldestFirst.filter(({ server }) => server.host === "");
    const oldest = here.find(({ isOurs, isInUse }) => isOurs && !isInUse);
    return oldest
      ? unloadAll(services, [oldest])
      : inform(l10n.t("Every model that Hotpath has loaded is in use now."));
  }
  if (which === "all") {
    if (idle.length === 0) return inform(l10n.t("Every loaded model is in use now."));
    return (await agrees(idle)) ? unloadAll(services, idle) : undefined;
  }
  const choice = await pick({
    title: l10n.t("Unload a model"),
    placeholder: l10n.t("The one that was not used for longest comes first"),
    choices: oldestFirst.map((value) => ({
      label: inList(value.model),
      description: [formatBytes(value.sizeBytes), stateOf(value)].filter((part) => part !== "").join(", "),
      detail: new URL(value.server.origin).host,
      value,
    })),
  });
  if (choice === undefined || choice === "back" || !(await agrees([choice]))) return undefined;
  return unloadAll(services, [choice]);
};
