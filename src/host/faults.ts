import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { ProviderError, type ProviderErrorKind } from "../provider/provider.ts";
import type { NoticeAction, Notices } from "./notices.ts";
import { faultKind, faultSentence, pauseEnd } from "./sentences.ts";
import { defaultBaseUrl, type ModelSetting } from "./settingsSchema.ts";
import type { StatusBar } from "./statusBar.ts";

/** Tells the user about faults in talking to model servers: a mark in the status bar, and one notice for each. */
export type FaultReporter = {
  /** `isAsked`: somebody waits for this very answer, so that they are told, even again and even when it is only paused. */
  report(error: unknown, setting: ModelSetting | undefined, isAsked?: boolean): void;
};

// https://openrouter.ai/docs/faq (2026-08)
const openRouterOrigin = new URL(defaultBaseUrl.openrouter).origin;
const creditsUrl = "https://openrouter.ai/settings/credits";

const clockTime = (atMs: number): string =>
  new Date(atMs).toLocaleTimeString(vscode.env.language, { hour: "2-digit", minute: "2-digit" });

export const createFaultReporter = ({
  log,
  notices,
  statusBar,
  clock,
}: {
  readonly log: Log;
  readonly notices: Notices;
  readonly statusBar: StatusBar;
  readonly clock: Clock;
}): FaultReporter => {
  const { l10n } = vscode;
  const actionsFor = (kind: ProviderErrorKind | "unknown", origin: string): readonly NoticeAction[] => {
    if (kind === "unauthorized") {
      const run = () => vscode.commands.executeCommand("hotpath.setApiKey", origin);
      return [{ label: l10n.t("Set API key"), run }];
    }
    if (kind === "payment-required" && origin === openRouterOrigin) {
      return [{ label: l10n.t("Add credits"), run: () => vscode.env.openExternal(vscode.Uri.parse(creditsUrl)) }];
    }
    return [];
  };

  return {
    report(error, setting, isAsked = false) {
      const kind = faultKind(error);
      if (!kind || !setting) return;
      // A fallback or a further address may be the one that failed: its key is asked for, not the first server's.
      const { origin, host } = new URL((error instanceof ProviderError && error.origin) || setting.baseUrl);
      // Not the message: a server's own words may quote the code that it was sent.
      const status = error instanceof ProviderError && error.status !== undefined ? ` (HTTP ${error.status})` : "";
      log.error(kind === "unknown" ? String(error) : `${origin}: ${kind}${status}`);
      const sentence = faultSentence(kind, host, l10n.t, pauseEnd(error, clock.dateMs(), clockTime));
      // What led to the pause was told already.
      if (kind === "paused" && !isAsked) {
        statusBar.setProblem(statusBar.problem() ?? sentence);
        return;
      }
      statusBar.setProblem(sentence);
      // A sentence with a time in it is another one each minute; the fault is still the same.
      notices.warnOnce(sentence, {
        key: `${kind} ${origin}`,
        actions: actionsFor(kind, origin),
        isAsked,
      });
    },
  };
};
