import * as vscode from "vscode";
import type { ApiKeys } from "../host/secrets.ts";
import { originsOf, type Settings } from "../host/settingsSchema.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { askForKey } from "./quickPick.ts";

/**
 * "Hotpath: Set API key": asks for the key of a model server that is set up, or for which one is stored; `wanted` is
 * the one that refused the last. False: there is no such server.
 */
export const setApiKey = async (settings: Settings, apiKeys: ApiKeys, wanted?: string): Promise<boolean> => {
  const { l10n } = vscode;
  const named = originsOf(settings);
  // A key is only asked for where the user's own settings name the address; one that is stored can always be removed.
  const origins = [...new Set([...named, ...(await apiKeys.origins())])];
  if (origins.length === 0) return false;
  const [first, ...others] = wanted !== undefined && named.includes(wanted) ? [wanted] : origins;
  const origin =
    others.length === 0
      ? first
      : await vscode.window.showQuickPick(origins, { placeHolder: l10n.t("Which server is the key for?") });
  if (!origin) return true;
  const prompt = parseBaseUrl(origin).acceptsKey
    ? l10n.t("Kept in the system's secret storage and sent to this address only. Leave empty to remove it.")
    : l10n.t("It would not be sent: a key needs https:// or a private network. Leave empty to remove a stored one.");
  const apiKey = await askForKey(l10n.t("API key for {0}", origin), prompt);
  if (apiKey !== undefined) await apiKeys.set(origin, apiKey);
  return true;
};
