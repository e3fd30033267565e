import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { inNotice } from "../base/notice.ts";
import { ResidencyError } from "../memory/modelServer.ts";
import { ProviderError, type ProviderErrorKind } from "../provider/provider.ts";
import type { Notices } from "./notices.ts";
import { faultKind, faultSentence, pauseEnd } from "./sentences.ts";
import { defaultBaseUrl, type ModelSetting, type RoleSetting } from "./settingsSchema.ts";
import type { StatusBar } from "./statusBar.ts";

/** What a person is told of a fault. */
export type ToldFault = {
  readonly sentence: string;
  /** What they may want to do about it. */
  readonly command?: vscode.Command;
};

/** What was asked, with its fallbacks where it has some. */
type AskedSetting = ModelSetting & Partial<Pick<RoleSetting, "fallbacks">>;

/** Tells the user about faults in talking to model servers: a mark in the status bar, and one notice for each. */
export type FaultReporter = {
  /** `isAsked`: somebody waits for this very answer, so that they are told, even again and even when it is only paused. */
  report(error: unknown, setting: AskedSetting | undefined, isAsked?: boolean): void;
  /** For who tells it where it was asked for, without a notice. Undefined: it was only a cancellation. */
  tell(error: unknown, setting: AskedSetting): ToldFault | undefined;
};

// https://openrouter.ai/docs/faq (2026-08)
const openRouterOrigin = new URL(defaultBaseUrl.openrouter).origin;
const creditsUrl = "https://openrouter.ai/settings/credits";

/** Faults that another server, address or model is the answer to. */
const setUpKinds: ReadonlySet<string> = new Set<ProviderErrorKind>([
  "unreachable",
  "model-not-found",
  "bad-request",
  "bad-response",
  "unsupported",
]);

const clockTime = (atMs: number): string =>
  new Date(atMs).toLocaleTimeString(vscode.env.language, { hour: "2-digit", minute: "2-digit" });

/** The model that was asked for at a server; empty: it may have been one of several. */
const modelAt = (origin: string, { baseUrl, model, fallbacks = [] }: AskedSetting): string => {
  const others = fallbacks.filter((fallback) => new URL(fallback.baseUrl).origin === origin);
  const isSure = origin === new URL(baseUrl).origin && others.every((fallback) => fallback.model === model);
  return isSure ? inNotice(model) : "";
};

export const createFaultReporter = ({
  log,
  notices,
  statusBar,
  clock,
}: {
  readonly log: Log;
  readonly notices: Notices;
  readonly statusBar: Pick<StatusBar, "problem" | "setProblem">;
  readonly clock: Clock;
}): FaultReporter => {
  const { l10n } = vscode;
  const commandFor = (kind: ProviderErrorKind | "unknown", origin: string): vscode.Command | undefined => {
    if (kind === "unauthorized") {
      return { title: l10n.t("Set API key"), command: "hotpath.setApiKey", arguments: [origin] };
    }
    if (kind === "payment-required" && origin === openRouterOrigin) {
      return { title: l10n.t("Add credits"), command: "vscode.open", arguments: [vscode.Uri.parse(creditsUrl)] };
    }
    return setUpKinds.has(kind) ? { title: l10n.t("Set up a provider"), command: "hotpath.setUpProvider" } : undefined;
  };

  const read = (error: unknown, setting: AskedSetting) => {
    const kind = faultKind(error);
    if (!kind) return undefined;
    // A fallback or a further address may be the one that failed: its key is asked for, not the first server's.
    const { origin, host } = new URL((error instanceof ProviderError && error.origin) || setting.baseUrl);
    // Not the message: a server's own words may quote the code that it was sent.
    const status = error instanceof ProviderError && error.status !== undefined ? ` (HTTP ${error.status})` : "";
    log.error(kind === "unknown" ? String(error) : `${origin}: ${kind}${status}`);
    // What memory has to do with it is said by whoever saw to the model.
    const isRefusal = error instanceof ProviderError && error.cause instanceof ResidencyError;
    const sentence = isRefusal
      ? error.message
      : faultSentence(kind, host, l10n.t, pauseEnd(error, clock.dateMs(), clockTime), modelAt(origin, setting));
    return { kind, origin, sentence, command: commandFor(kind, origin) };
  };

  return {
    report(error, setting, isAsked = false) {
      const fault = setting && read(error, setting);
      if (!fault) return;
      const { kind, origin, sentence, command } = fault;
      // What led to the pause was told already.
      if (kind === "paused" && !isAsked) {
        statusBar.setProblem(statusBar.problem() ?? sentence);
        return;
      }
      statusBar.setProblem(sentence);
      const run = () => vscode.commands.executeCommand(command?.command ?? "", ...(command?.arguments ?? []));
      // A sentence with a time in it is another one each minute; the fault is still the same.
      notices.warnOnce(sentence, {
        key: `${kind} ${origin}`,
        actions: command ? [{ label: command.title, run }] : [],
        isAsked,
      });
    },
    tell(error, setting) {
      const fault = read(error, setting);
      if (!fault) return undefined;
      statusBar.setProblem(fault.sentence);
      return { sentence: fault.sentence, ...(fault.command ? { command: fault.command } : {}) };
    },
  };
};
