import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { inNotice } from "../base/notice.ts";
import { orAborted } from "../base/wait.ts";
import type { Resident } from "../memory/residencyPlan.ts";

/** So long a no to the question holds; a question without an answer is not asked twice, either. */
const refusalMs = 60 * 60_000;

/**
 * Makes a function that asks a person whether models that other programs have loaded may be unloaded, all of them or
 * none. It rejects with the `AbortError`; the question stays, and its answer counts for whoever comes next.
 */
export const createConsent = (
  clock: Clock,
): ((models: readonly Resident[], signal: AbortSignal) => Promise<boolean>) => {
  const { l10n } = vscode;
  const consents = new Map<string, { readonly isGiven: Promise<boolean>; readonly untilMs: number }>();

  const ask = async (models: readonly Resident[]): Promise<boolean> => {
    const unload = l10n.t("Unload");
    const sentence = l10n.t(
      "Another program has loaded {0}. Unload it to make room for the model that is set?",
      models.map(({ model }) => inNotice(model)).join(", "),
    );
    return (await vscode.window.showInformationMessage(sentence, unload, l10n.t("Keep it"))) === unload;
  };

  return async (models, signal) => {
    const names = models.map(({ model }) => model).join(", ");
    const before = consents.get(names);
    const consent =
      before && before.untilMs > clock.nowMs() ? before : { isGiven: ask(models), untilMs: clock.nowMs() + refusalMs };
    consents.set(names, consent);
    const isGiven = await orAborted(consent.isGiven, signal);
    // A yes is for what is loaded now; the same model, loaded anew, is another program's wish again.
    if (isGiven && consents.get(names) === consent) consents.delete(names);
    return isGiven;
  };
};
