import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { mayTell, mutedForToday, type AlertState } from "../memory/alertGate.ts";
import { alertSentence } from "../memory/describe.ts";
import type { Alert } from "../memory/monitor.ts";
import type { ModelDetails } from "./memoryDetails.ts";
import type { LoadedResident } from "./memoryResidency.ts";

const stateKey = "memoryAlerts";

/** What all windows remember of alerts. A profile that loses it costs one more notification. */
export const readAlertState = (state: vscode.Memento): AlertState => state.get<AlertState>(stateKey) ?? {};

/** Tells nothing more until midnight, in any window. */
export const muteForToday = async (state: vscode.Memento, clock: Clock): Promise<void> => {
  await state.update(stateKey, mutedForToday(readAlertState(state), clock.dateMs()));
};

/** Lets alerts be told again. */
export const unmute = async (state: vscode.Memento): Promise<void> => {
  await state.update(stateKey, undefined);
};

export const isMuted = (state: vscode.Memento, clock: Clock): boolean =>
  clock.dateMs() < (readAlertState(state).mutedUntilMs ?? 0);

/** What a model takes of the machine's memory. Apple's graphics processors share it. */
const mainMemoryBytes = ({ sizeBytes, graphicsBytes = 0 }: LoadedResident): number =>
  process.platform === "darwin" ? sizeBytes : Math.max(0, sizeBytes - graphicsBytes);

export type AlertOptions = {
  readonly clock: Clock;
  readonly state: vscode.Memento;
  readonly remote: string | undefined;
  /** What is loaded now. */
  readonly look: () => Promise<ModelDetails>;
  /** Whether the level is still as bad: what is over when the servers have answered is told to nobody. */
  readonly isStillSo: () => boolean;
};

/**
 * Shows one notification that says what is full and how much, with what can be done about it here: models are offered to
 * be unloaded only where one can be, and their context to be lowered only where a server is known.
 */
export const showAlert = async (alert: Alert, options: AlertOptions): Promise<void> => {
  const { clock, state, remote } = options;
  const { l10n } = vscode;
  const next = mayTell(readAlertState(state), clock.dateMs(), alert.level === "critical");
  if (!next) return;
  await state.update(stateKey, next);
  const { residents, pinned } = await options.look();
  if (!options.isStillSo()) return;
  // A model on another machine takes none of this one's memory.
  const here = residents.filter(({ server }) => server.host === "");
  const modelBytes = here.reduce((sum, resident) => sum + mainMemoryBytes(resident), 0);
  const isOfMachine = alert.of === "machine";
  const actions = [
    ...(isOfMachine && here.some(({ isInUse, isOurs }) => isOurs && !isInUse)
      ? [
          {
            label: l10n.t("Unload least recently used model"),
            command: "hotpath.unloadModel",
            argument: "leastRecentlyUsed",
          },
        ]
      : []),
    ...(isOfMachine && (here.length > 0 || pinned.some(({ provider }) => provider.kind === "llamacpp"))
      ? [{ label: l10n.t("Lower context"), command: "hotpath.lowerContext", argument: undefined }]
      : []),
    { label: l10n.t("Show top processes"), command: "hotpath.showTopProcesses", argument: undefined },
    { label: l10n.t("Mute for today"), command: "hotpath.muteMemoryAlerts", argument: "mute" },
  ];
  const sentence = alertSentence(alert, modelBytes, remote, l10n.t);
  const choice = await vscode.window.showWarningMessage(sentence, ...actions.map(({ label }) => label));
  const action = actions.find(({ label }) => label === choice);
  if (action) await vscode.commands.executeCommand(action.command, action.argument);
};
