import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { faultKind } from "../host/sentences.ts";
import type { ApiKeys } from "../host/secrets.ts";
import type { ModelSetting, Settings } from "../host/settingsSchema.ts";
import { createProvider } from "../provider/registry.ts";
import type { TransportClient } from "../transport/client.ts";
import { pick, withCancel } from "./quickPick.ts";
import { settingsForRole } from "./recommendModelSettings.ts";
import { setUpSentence, testSentence } from "./setUpTexts.ts";

export type UseOptions = {
  readonly transport: () => Promise<TransportClient>;
  readonly clock: Clock;
  readonly log: Log;
  readonly apiKeys: ApiKeys;
  readonly settings: () => Settings;
  readonly write: (changes: Readonly<Record<string, unknown>>) => Promise<void>;
};

const test = async (role: "completion" | "chat", chosen: ModelSetting, options: UseOptions) => {
  const { clock, log, apiKeys } = options;
  const { origin } = new URL(chosen.baseUrl);
  const title = vscode.l10n.t(
    "Testing {0}. The first answer takes longer while the model is read into memory.",
    chosen.model || chosen.provider,
  );
  return withCancel(title, async (signal) => {
    const transport = await options.transport();
    const provider = await createProvider(
      chosen.provider,
      { ...chosen, apiKey: () => apiKeys.get(origin) },
      { transport, clock, log },
    );
    const found = await provider.validateConnection(role, { signal });
    if (!found.ok) throw found.error;
    return { model: found.model, firstTokenMs: found.firstTokenMs, costUsd: found.usage.costUsd };
  });
};

const save = async (role: "completion" | "chat", chosen: ModelSetting, options: UseOptions): Promise<boolean> => {
  try {
    await options.write(settingsForRole(role, chosen, options.settings()));
    return true;
  } catch (error) {
    options.log.error(`The recommended model could not be saved: ${String(error)}`);
    void vscode.window.showErrorMessage(
      vscode.l10n.t("Not all of it could be saved. Look at your settings.json for mistakes, then save again."),
    );
    return false;
  }
};

/**
 * Makes a role use a model that a server on this machine has, as the set-up does: one real request first, and nothing is
 * saved when that fails unless the person says so. False: nothing was changed.
 */
export const putToUse = async (
  role: "completion" | "chat",
  chosen: ModelSetting,
  options: UseOptions,
): Promise<boolean> => {
  const { l10n, window } = vscode;
  for (;;) {
    try {
      const result = await test(role, chosen, options);
      if (!(await save(role, chosen, options))) return false;
      void window.showInformationMessage(testSentence([result], false, l10n.t));
      return true;
    } catch (error) {
      if (isAbortError(error)) return false;
      const kind = faultKind(error) ?? "unknown";
      if (kind === "unknown") options.log.error(String(error));
      const choice = await pick<"try-again" | "save" | "back">({
        title: l10n.t("Hotpath: The test failed"),
        placeholder: l10n.t("Choose what to do"),
        prompt: setUpSentence(kind, new URL(chosen.baseUrl).host, l10n.t),
        canGoBack: true,
        choices: [
          { label: l10n.t("Try again"), value: "try-again" },
          { label: l10n.t("Save anyway"), description: l10n.t("without a test that went well"), value: "save" },
        ],
      });
      if (choice === "try-again") continue;
      return choice === "save" && (await save(role, chosen, options));
    }
  }
};
