import * as vscode from "vscode";
import { isMuted } from "../host/memoryAlerts.ts";
import { openSettings } from "../host/openSettings.ts";
import { formatBytes } from "../memory/format.ts";
import type { MemoryActionServices } from "./memoryActions.ts";
import { heading, pick, type Choice } from "./quickPick.ts";

/** A command, or what else is to be done. */
type Command = { readonly command: string; readonly argument?: unknown } | (() => Promise<void>);

const row = (icon: string, label: string, command: string, description = "", argument?: unknown) => ({
  label: `$(${icon}) ${label}`,
  description,
  value: { command, argument },
});

/** Commands of other parts that belong here when they are there. */
const optionalRows = async () => {
  const { l10n } = vscode;
  const known = new Set(await vscode.commands.getCommands(true));
  const rows = [
    row("lightbulb", l10n.t("Recommend a model for this machine"), "hotpath.recommendModel"),
    row("table", l10n.t("Show batch and context tables"), "hotpath.showMachineTables"),
  ];
  return rows.filter(({ value }) => known.has(value.command));
};

const rowsOf = async ({ memory, clock, settings, adviseModels }: MemoryActionServices): Promise<Choice<Command>[]> => {
  const { l10n } = vscode;
  const watch = await memory();
  // For the tooltip, and nobody waits for it: who clicks wants to know.
  const reading = watch.readMachine();
  const { models, residents, pinned } = await watch.models();
  // Reading all models' files and starting programs is nothing to do while memory is short.
  if (models.length > 0 && watch.monitor.levels().machine === "normal") adviseModels(reading);
  const sizeBytes = residents.reduce((sum, resident) => sum + resident.sizeBytes, 0);
  const idle = residents.filter(({ isInUse }) => !isInUse);
  const { completion, chat } = settings();
  const mayLoad = [completion, chat].some((setting) => setting !== undefined && setting.provider !== "openrouter");
  const canLower = residents.length > 0 || pinned.some(({ provider }) => provider.kind === "llamacpp");
  const muted = isMuted(watch.globalState, clock);
  return [
    row("graph", l10n.t("Open performance report"), "hotpath.openReport"),
    row("server-process", l10n.t("Show top processes"), "hotpath.showTopProcesses"),
    muted
      ? row("bell", l10n.t("Show memory alerts again"), "hotpath.muteMemoryAlerts", "", "unmute")
      : row("bell-slash", l10n.t("Mute memory alerts for today"), "hotpath.muteMemoryAlerts", "", "mute"),
    ...(mayLoad || canLower ? [heading(l10n.t("Models"))] : []),
    ...(mayLoad
      ? [row("zap", l10n.t("Warm up the model"), "hotpath.warmUpModel", completion?.model ?? chat?.model)]
      : []),
    ...(residents.length > 0
      ? [
          row(
            "trash",
            l10n.t("Unload a model"),
            "hotpath.unloadModel",
            l10n.t("{0} loaded, {1}", residents.length, formatBytes(sizeBytes)),
          ),
        ]
      : []),
    ...(idle.length > 1
      ? [row("clear-all", l10n.t("Unload all models that are not in use"), "hotpath.unloadModel", "", "all")]
      : []),
    ...(canLower ? [row("fold-down", l10n.t("Lower a model's context"), "hotpath.lowerContext")] : []),
    heading(""),
    ...(await optionalRows()),
    {
      label: `$(gear) ${l10n.t("Open settings")}`,
      value: () => openSettings("hotpath.memory"),
    },
  ];
};

/** What a click on the memory indicator offers: only what can work here. */
export const showMemoryMenu = async (services: MemoryActionServices): Promise<void> => {
  const choice = await pick({
    title: vscode.l10n.t("Hotpath memory"),
    placeholder: vscode.l10n.t("What would you like to do?"),
    choices: rowsOf(services),
  });
  if (choice === undefined || choice === "back") return;
  if (typeof choice === "function") return choice();
  await vscode.commands.executeCommand(choice.command, choice.argument);
};
