import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ApiKeys } from "../host/secrets.ts";
import { faultKind, faultSentence } from "../host/sentences.ts";
import { defaultBaseUrl } from "../host/settingsSchema.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { discoverServers, identifyServer, localOrigins, type FoundServer } from "../provider/discover.ts";
import { SignInError, signInByLoopback, startPastedSignIn } from "../provider/openRouterSignIn.ts";
import { createProvider } from "../provider/registry.ts";
import type { TransportClient } from "../transport/client.ts";
import { askForKey, heading, pick, withCancel, type Choice } from "./quickPick.ts";

/** A server that the person chose, with what it offers. */
export type ChosenServer = FoundServer & {
  /** Entered just now, and not stored yet. */
  readonly apiKey?: string;
  /** It runs on this machine, whose memory it needs. */
  readonly isHere: boolean;
  /** It names prices. */
  readonly isMetered: boolean;
};

export type ChooseServerOptions = {
  readonly transport: TransportClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly apiKeys: ApiKeys;
  /** The environment's `OLLAMA_HOST`. */
  readonly ollamaHost: string | undefined;
  /** Name of the machine that is looked at. */
  readonly hostName: string;
};

type Answer =
  | { readonly type: "server"; readonly server: FoundServer }
  | { readonly type: "look-again" | "forward" | "sign-in" | "enter-key" | "stored-key" | "address" };

const openRouterUrl = defaultBaseUrl.openrouter;
const openRouterOrigin = new URL(openRouterUrl).origin;
// Somebody named it and waits for it: longer than for a port that was only guessed.
const namedServerMs = 6000;

/** Lets the person choose a server, until one answers with its models. Undefined: given up. */
export const chooseServer = async (options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  for (;;) {
    const answer = await askWhich(options);
    if (answer === undefined || answer === "back") return undefined;
    try {
      const server = await open(answer, options);
      if (server) return server;
    } catch (error) {
      if (!isAbortError(error)) await showFault(error, options.log);
    }
  }
};

const open = async (answer: Answer, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  switch (answer.type) {
    case "server":
      return answer.server.wantsKey ? enterServerKey(answer.server, options) : chosen(answer.server);
    case "look-again":
      return undefined;
    case "forward":
      await explainForward(options.hostName);
      return undefined;
    case "address":
      return enterAddress(options);
    case "sign-in": {
      const apiKey = await signIn(options);
      // It was made for Hotpath just now and is shown to nobody: lost, it could not be had again.
      await options.apiKeys.set(openRouterOrigin, apiKey);
      return openOpenRouter(undefined, options);
    }
    case "stored-key":
      return openOpenRouter(undefined, options);
    case "enter-key": {
      const { l10n } = vscode;
      const prompt = l10n.t(
        "From openrouter.ai/settings/keys. Kept in the secret storage, sent to openrouter.ai only.",
      );
      const apiKey = await askForKey(l10n.t("OpenRouter key"), prompt);
      if (!apiKey) return undefined;
      options.apiKeys.entered(apiKey);
      return openOpenRouter(apiKey, options);
    }
  }
};

const askWhich = async (options: ChooseServerOptions): Promise<Answer | "back" | undefined> => {
  const { l10n, env } = vscode;
  const hasKey = (await options.apiKeys.get(openRouterOrigin)) !== undefined;
  const elsewhere: Choice<Answer>[] = [
    heading(l10n.t("Elsewhere")),
    ...(hasKey
      ? [
          {
            label: `$(globe) ${l10n.t("OpenRouter")}`,
            description: l10n.t("with the stored key"),
            value: { type: "stored-key" } as const,
          },
        ]
      : []),
    {
      label: `$(globe) ${l10n.t("OpenRouter (sign in)")}`,
      description: l10n.t("in the browser; makes a key for Hotpath"),
      value: { type: "sign-in" },
    },
    {
      label: `$(key) ${l10n.t("OpenRouter (enter a key)")}`,
      description: "openrouter.ai/settings/keys",
      value: { type: "enter-key" },
    },
    {
      label: `$(plug) ${l10n.t("Another address")}`,
      description: l10n.t("llama.cpp, Ollama, LM Studio, vLLM, or any server with OpenAI's routes"),
      value: { type: "address" },
    },
    ...(env.remoteName === undefined
      ? []
      : [
          {
            label: `$(remote) ${l10n.t("A server on your own computer")}`,
            description: l10n.t("how to reach it from here"),
            value: { type: "forward" } as const,
          },
        ]),
  ];
  const machine =
    env.remoteName === undefined ? l10n.t("On this machine") : l10n.t("On the remote machine {0}", options.hostName);
  const look = async (): Promise<readonly Choice<Answer>[]> => {
    const found = await discoverServers(localOrigins(options.ollamaHost), { transport: options.transport });
    const rows: Choice<Answer>[] = found.map((server) => ({
      label: `$(server) ${server.name}`,
      description: new URL(server.baseUrl).host,
      detail: serverDetail(server),
      value: { type: "server", server },
    }));
    const none: Choice<Answer> = {
      label: `$(refresh) ${l10n.t("Look again")}`,
      description: l10n.t("no model server answers on its usual port"),
      value: { type: "look-again" },
    };
    return [heading(machine), ...(rows.length > 0 ? rows : [none]), ...elsewhere];
  };
  return pick<Answer>({
    title: l10n.t("Hotpath: Set up a provider (1 of 2)"),
    placeholder: l10n.t("Choose a model server"),
    choices: look(),
  });
};

const serverDetail = ({ models, wantsKey, isLoading }: FoundServer): string => {
  const { l10n } = vscode;
  if (wantsKey) return l10n.t("wants a key");
  if (isLoading) return l10n.t("is reading its model");
  return models.length === 1 ? l10n.t("1 model") : l10n.t("{0} models", models.length);
};

const chosen = (server: FoundServer, apiKey?: string): ChosenServer => {
  const { hostname } = new URL(server.baseUrl);
  const isHere = /^(?:127\.|localhost$|\[::1\]$)/.test(hostname);
  return { ...server, isHere, isMetered: false, ...(apiKey === undefined ? {} : { apiKey }) };
};

const enterAddress = async (options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  const { l10n } = vscode;
  const address = await vscode.window.showInputBox({
    title: l10n.t("Address of the model server"),
    placeHolder: "gpu-box:8000",
    prompt: l10n.t("What it is and which models it has is found out by asking it."),
    ignoreFocusOut: true,
    validateInput: (text) => (text.trim() === "" || isAddress(text) ? undefined : addressHint()),
  });
  if (!address || address.trim() === "") return undefined;
  const { href, origin } = parseBaseUrl(withScheme(address));
  const stored = await options.apiKeys.get(origin);
  const server = await identify(href, stored, options);
  if (!server) {
    await vscode.window.showWarningMessage(l10n.t("No model server answers at {0}.", new URL(href).host));
    return undefined;
  }
  return server.wantsKey ? enterServerKey(server, options) : chosen(server);
};

const enterServerKey = async (found: FoundServer, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  const { l10n } = vscode;
  const { origin, href, acceptsKey } = parseBaseUrl(found.baseUrl);
  if (!acceptsKey) {
    await vscode.window.showWarningMessage(
      l10n.t("{0} wants a key, and a key is only sent over https or inside of a private network.", origin),
    );
    return undefined;
  }
  const prompt = l10n.t("Kept in the system's secret storage and sent to this address only.");
  const apiKey = await askForKey(l10n.t("API key for {0}", origin), prompt);
  if (!apiKey) return undefined;
  options.apiKeys.entered(apiKey);
  const server = await identify(href, apiKey, options);
  if (server && !server.wantsKey) return chosen(server, apiKey);
  await vscode.window.showWarningMessage(l10n.t("{0} refused this key.", origin));
  return undefined;
};

const identify = (
  address: string,
  apiKey: string | undefined,
  { transport }: ChooseServerOptions,
): Promise<FoundServer | undefined> => {
  const title = vscode.l10n.t("Asking {0}", new URL(address).host);
  return withCancel(title, (signal) =>
    identifyServer(address, { transport, signal, totalMs: namedServerMs, ...(apiKey ? { apiKey } : {}) }),
  );
};

/** People write "gpu-box:8000"; what is on the public internet is rarely meant without its https. */
const withScheme = (text: string): string => (text.includes("://") ? text : `http://${text.trim()}`);

const isAddress = (text: string): boolean => {
  try {
    parseBaseUrl(withScheme(text));
    return true;
  } catch {
    return false;
  }
};

const addressHint = (): string =>
  vscode.l10n.t("An address such as http://gpu-box:8000, without a password, a ? or a #.");

/** In a browser, with a listener where the browser runs on this machine, else by a code to paste. */
const signIn = async (options: ChooseServerOptions): Promise<string> => {
  const { l10n, env } = vscode;
  const isBrowserHere = env.remoteName === undefined && env.uiKind === vscode.UIKind.Desktop;
  if (isBrowserHere) {
    const title = l10n.t("Waiting for OpenRouter in the browser");
    const page = {
      done: l10n.t("You are signed in. You can close this page."),
      failed: l10n.t("You are not signed in. You can close this page."),
    };
    try {
      return await withCancel(title, (signal) => signInByLoopback({ ...options, signal, open: openInBrowser, page }));
    } catch (error) {
      if (!(error instanceof SignInError) || error.kind !== "no-listener") throw error;
    }
  }
  const pasted = startPastedSignIn(options);
  await openInBrowser(pasted.url);
  const code = await vscode.window.showInputBox({
    title: l10n.t("Code from OpenRouter"),
    prompt: l10n.t("Allow Hotpath in the browser, then paste the code that it shows. It is good for ten minutes."),
    password: true,
    ignoreFocusOut: true,
  });
  if (!code) throw new SignInError("denied", "No code was entered");
  return pasted.finish(code);
};

const openInBrowser = async (url: string): Promise<boolean> => vscode.env.openExternal(vscode.Uri.parse(url));

const openOpenRouter = async (apiKey: string | undefined, options: ChooseServerOptions): Promise<ChosenServer> => {
  const { transport, clock, log, apiKeys } = options;
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
    ...(apiKey === undefined ? {} : { apiKey }),
  };
};

const explainForward = async (hostName: string): Promise<void> => {
  const { l10n } = vscode;
  const command = `ssh -R 11434:127.0.0.1:11434 ${hostName}`;
  const copy = l10n.t("Copy command");
  const choice = await vscode.window.showInformationMessage(
    l10n.t(
      "Hotpath runs on {0}. A reverse port forward makes a server on your own computer answer there: {1} (11434 is Ollama's port). Then look again.",
      hostName,
      command,
    ),
    copy,
  );
  if (choice === copy) await vscode.env.clipboard.writeText(command);
};

const showFault = async (error: unknown, log: Log): Promise<void> => {
  const { l10n } = vscode;
  if (error instanceof SignInError) {
    log.warn(`Signing in to OpenRouter: ${error.kind}`);
    await vscode.window.showWarningMessage(signInSentence(error));
    return;
  }
  const kind = faultKind(error) ?? "unknown";
  log.warn(kind === "unknown" ? String(error) : `${openRouterOrigin}: ${kind}`);
  await vscode.window.showWarningMessage(faultSentence(kind, new URL(openRouterUrl).host, l10n.t));
};

const signInSentence = ({ kind }: SignInError): string => {
  const { l10n } = vscode;
  switch (kind) {
    case "denied":
      return l10n.t("Signing in to OpenRouter was stopped. Nothing was stored.");
    case "timeout":
      return l10n.t("Nobody came back from OpenRouter within five minutes. Nothing was stored.");
    case "code-refused":
      return l10n.t("OpenRouter did not take the code: it may be older than ten minutes. Sign in again.");
    case "no-listener":
    case "failed":
      return l10n.t("OpenRouter could not be reached. Look at the network, then sign in again.");
  }
};
