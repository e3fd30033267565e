import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createLowMemory, lowMemorySentence, type LowMemory, type LowMemoryReason } from "../memory/lowMemory.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { requestsKept, withLessMemory } from "./lowMemorySettings.ts";
import { readSettings } from "./settings.ts";
import type { SettingProblem } from "./settingsReader.ts";
import type { RoleSetting, Settings } from "./settingsSchema.ts";
import type { StatusBar } from "./statusBar.ts";

/** The settings as the program follows them. */
export type SettingsInUse = {
  /** The settings of now, with less of everything while memory is low. */
  readonly settings: () => Settings;
  /** What the person wrote, however much memory there is. */
  readonly wished: () => Settings;
  readonly problems: () => readonly SettingProblem[];
  readonly isLow: () => boolean;
  /** Ghost text's servers. A folder that is not trusted is read as text by the predictor, never sent anywhere. */
  readonly completion: () => RoleSetting | undefined;
  /** To be told of every sample of memory. */
  readonly takeSample: LowMemory["take"];
  /** Reads anew what is written; {@link follow} makes it count. */
  readAgain(): void;
  /** Lets what was read, and how much memory there is, count from now on. */
  follow(): void;
  /** One sentence on how much memory is used now, for the log. */
  memorySentence(): string;
};

/** `onMemoryChange` is called when memory has become low, or is no longer. */
export const createSettingsInUse = ({
  clock,
  ledger,
  statusBar,
  onMemoryChange,
}: {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "setCapacity">;
  readonly statusBar: Pick<StatusBar, "setSaving">;
  readonly onMemoryChange: () => void;
}): SettingsInUse => {
  let { settings: wished, problems } = readSettings();
  const lowMemory = createLowMemory({ clock, mode: () => wished.lowMemory, onChange: onMemoryChange });
  let lowReason: LowMemoryReason | undefined;
  let settings = wished;
  const isLow = () => lowReason !== undefined;
  const follow = () => {
    lowReason = lowMemory.reason();
    statusBar.setSaving(lowReason && lowMemorySentence(lowReason, vscode.l10n.t));
    ledger.setCapacity(requestsKept(isLow()));
    settings = isLow() ? withLessMemory(wished) : wished;
  };
  follow();
  return {
    settings: () => settings,
    wished: () => wished,
    problems: () => problems,
    isLow,
    completion: () => (vscode.workspace.isTrusted ? settings.completion : undefined),
    takeSample: (sample, levels) => lowMemory.take(sample, levels),
    readAgain() {
      ({ settings: wished, problems } = readSettings());
    },
    follow,
    memorySentence: () => (lowReason ? lowMemorySentence(lowReason, vscode.l10n.t) : "Memory is no longer low"),
  };
};
