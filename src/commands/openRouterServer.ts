import * as vscode from "vscode";
import { SignInError, signInByLoopback, startPastedSignIn } from "../provider/openRouterSignIn.ts";
import { ProviderError } from "../provider/provider.ts";
import { createProvider } from "../provider/registry.ts";
import { defaultBaseUrl } from "../host/settingsSchema.ts";
import type { ChosenServer, ChooseServerOptions } from "./chooseServer.ts";
import { askForKey, withCancel } from "./quickPick.ts";

const openRouterUrl = defaultBaseUrl.openrouter;
export const { origin: openRouterOrigin, hostname: openRouterHost } = new URL(openRouterUrl);

/** In a browser, with a listener where the browser runs on this machine, else by a code to paste. */
const signIn = async (options: ChooseServerOptions): Promise<string> => {
  const { l10n, env } = vscode;
  const { clock } = options;
  const transport = await options.transport();
  const isBrowserHere = env.remoteName === undefined && env.uiKind === vscode.UIKind.Desktop;
  if (isBrowserHere) {
    const title = l10n.t("Waiting for OpenRouter in the browser");
    const page = {
      done: l10n.t("You are signed in. You can close this page."),
      failed: l10n.t("You are not signed in. You can close this page."),
    };
    try {
      return await withCancel(title, (signal) =>
        signInByLoopback({ transport, clock, signal, open: openInBrowser, page }),
      );
    } catch (error) {
      if (!(error instanceof SignInError) || error.kind !== "no-listener") throw error;
    }
  }
  const pasted = startPastedSignIn({ transport, clock });
  await openInBrowser(pasted.url);
  const code = await vscode.window.showInputBox({
    title: l10n.t("Code from OpenRouter"),
    prompt: l10n.t("Allow Hotpath in the browser, then paste the code that it shows. It is good for ten minutes."),
    password: true,
    ignoreFocusOut: true,
  });
  if (!code) throw new SignInError("denied", "No code was entered");
  return withCancel(l10n.t("Signing in to OpenRouter"), (signal) => pasted.finish(code, signal));
};

const openInBrowser = async (url: string): Promise<boolean> => vscode.env.openExternal(vscode.Uri.parse(url));

/** Signs in, keeps the key and reads the models. @throws {SignInError}, {ProviderError} with its origin, `AbortError`. */
export const signInToOpenRouter = async (options: ChooseServerOptions): Promise<ChosenServer> => {
  const apiKey = await signIn(options);
  // It was made for Hotpath just now and is shown to nobody: lost, it could not be had again.
  await options.apiKeys.set(openRouterOrigin, apiKey);
  return openOpenRouter(undefined, options);
};

/** Asks for a key and reads the models with it. Undefined: none was entered. */
export const enterOpenRouterKey = async (options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  const { l10n } = vscode;
  const prompt = l10n.t("From openrouter.ai/settings/keys. Kept in the secret storage, sent to openrouter.ai only.");
  const apiKey = await askForKey(l10n.t("OpenRouter key"), prompt);
  if (!apiKey) return undefined;
  options.apiKeys.entered(apiKey);
  return openOpenRouter(apiKey, options);
};

/** Reads the models with this key, else with the stored one. @throws {ProviderError} with its origin, `AbortError`. */
export const openOpenRouter = async (
  apiKey: string | undefined,
  options: ChooseServerOptions,
): Promise<ChosenServer> => {
  const { clock, log, apiKeys } = options;
  const transport = await options.transport();
  const readKey = async () => apiKey ?? apiKeys.get(openRouterOrigin);
  const provider = await createProvider(
    "openrouter",
    { baseUrl: openRouterUrl, model: "", apiKey: readKey },
    { transport, clock, log },
  );
  const models = await withCancel(vscode.l10n.t("Reading OpenRouter's models"), async (signal) => {
    // The list is open to all: only this says whether the key is good.
    const health = await provider.health({ signal });
    if (health.status === "down") throw health.error;
    return provider.models({ signal });
  }).catch((error: unknown) => {
    if (error instanceof ProviderError) error.origin ??= openRouterOrigin;
    throw error;
  });
  return {
    name: "OpenRouter",
    kind: "openrouter",
    baseUrl: openRouterUrl,
    models,
    wantsKey: false,
    isLoading: false,
    isHere: false,
    isMetered: true,
    mayCharge: true,
    ...(apiKey === undefined ? {} : { apiKey }),
  };
};

/** What a person is told of a sign-in that failed. */
export const signInSentence = ({ kind }: SignInError): string => {
  const { l10n } = vscode;
  switch (kind) {
    case "denied":
      return l10n.t("Signing in to OpenRouter was stopped. Nothing was stored.");
    case "timeout":
      return l10n.t("Sign-in was not finished within five minutes. Nothing was stored.");
    case "code-refused":
      return l10n.t("OpenRouter did not take the code: it may be older than ten minutes. Sign in again.");
    case "failed":
      return l10n.t("OpenRouter made no key. Sign in again later.");
    case "no-listener":
    case "unreachable":
      return l10n.t("OpenRouter could not be reached. Look at the network, then sign in again.");
  }
};
