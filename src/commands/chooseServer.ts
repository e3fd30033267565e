import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ApiKeys } from "../host/secrets.ts";
import { faultKind } from "../host/sentences.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { discoverServers, identifyServer, localOrigins, type FoundServer } from "../provider/discover.ts";
import { writesText } from "../provider/modelChoice.ts";
import { SignInError } from "../provider/openRouterSignIn.ts";
import { ProviderError } from "../provider/provider.ts";
import type { TransportClient } from "../transport/client.ts";
import { isLoopbackHost } from "../transport/route.ts";
import {
  enterOpenRouterKey,
  openOpenRouter,
  openRouterHost,
  openRouterOrigin,
  signInSentence,
  signInToOpenRouter,
} from "./openRouterServer.ts";
import { askForKey, heading, pick, withCancel, type Choice } from "./quickPick.ts";
import { withScheme } from "./serverAddress.ts";
import { inList, noModelSentence, setUpSentence } from "./setUpTexts.ts";

/** A server that the person chose, with what it offers. */
export type ChosenServer = FoundServer & {
  /** Entered just now, and not stored yet. */
  readonly apiKey?: string;
  /** It runs on this machine, whose memory it needs. */
  readonly isHere: boolean;
  /** It names prices. */
  readonly isMetered: boolean;
  /** Its requests may cost money, whether it names prices or not: it is on the public internet. */
  readonly mayCharge: boolean;
};

export type ChooseServerOptions = {
  /** Asked anew for each use: the network's settings may be corrected meanwhile, which closes the client. */
  readonly transport: () => Promise<TransportClient>;
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
      if (!isAbortError(error)) showFault(error, options.log);
    }
  }
};

const open = async (answer: Answer, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  switch (answer.type) {
    case "server":
      return answer.server.wantsKey ? openLocked(answer.server, options) : chosen(answer.server);
    case "look-again":
      return undefined;
    case "forward":
      explainForward();
      return undefined;
    case "address":
      return enterAddress(options);
    case "sign-in":
      return signInToOpenRouter(options);
    case "stored-key":
      return openOpenRouter(undefined, options);
    case "enter-key":
      return enterOpenRouterKey(options);
  }
};

/** Does not wait until somebody closes it: meanwhile the list would be gone. */
const warn = (sentence: string): void => void vscode.window.showWarningMessage(sentence);

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
    env.remoteName === undefined
      ? l10n.t("On this machine")
      : l10n.t("On the remote machine {0}", inList(options.hostName));
  const look = async (): Promise<readonly Choice<Answer>[]> => {
    const transport = await options.transport();
    const found = await discoverServers(localOrigins(options.ollamaHost), { transport });
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

/** Undefined: it has no model to choose, and the person was told. */
const chosen = (server: FoundServer, apiKey?: string): ChosenServer | undefined => {
  // A llama.cpp server without a list still serves its one model.
  const hasModel = (server.kind === "llamacpp" && server.models.length === 0) || server.models.some(writesText);
  if (!hasModel) {
    warn(noModelSentence(server, vscode.l10n.t));
    return undefined;
  }
  return {
    ...server,
    isHere: isLoopbackHost(new URL(server.baseUrl).hostname),
    isMetered: false,
    mayCharge: !parseBaseUrl(server.baseUrl).isPrivate,
    ...(apiKey === undefined ? {} : { apiKey }),
  };
};

const warnNobodyAnswers = (address: string): void =>
  warn(vscode.l10n.t("No model server answers at {0}.", new URL(address).host));

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
  if (new URL(href).hostname === openRouterHost) {
    return stored === undefined ? enterOpenRouterKey(options) : openOpenRouter(undefined, options);
  }
  const server = await identify(href, stored, options);
  if (!server) {
    warnNobodyAnswers(href);
    return undefined;
  }
  return server.wantsKey ? enterServerKey(server, options) : chosen(server);
};

/** A server that wants a key: with the one that is stored for it, else with one that the person enters. */
const openLocked = async (found: FoundServer, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  const { origin, href } = parseBaseUrl(found.baseUrl);
  const stored = await options.apiKeys.get(origin);
  const server = stored === undefined ? undefined : await identify(href, stored, options);
  return server && !server.wantsKey ? chosen(server) : enterServerKey(found, options);
};

const enterServerKey = async (found: FoundServer, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  const { l10n } = vscode;
  const { origin, href, acceptsKey } = parseBaseUrl(found.baseUrl);
  if (!acceptsKey) {
    warn(l10n.t("{0} wants a key, and a key is only sent over https or inside of a private network.", origin));
    return undefined;
  }
  const prompt = l10n.t("Kept in the system's secret storage and sent to this address only.");
  const apiKey = await askForKey(l10n.t("API key for {0}", origin), prompt);
  if (!apiKey) return undefined;
  options.apiKeys.entered(apiKey);
  const server = await identify(href, apiKey, options);
  if (server && !server.wantsKey) return chosen(server, apiKey);
  if (server) warn(l10n.t("{0} refused this key.", origin));
  else warnNobodyAnswers(href);
  return undefined;
};

const identify = (
  address: string,
  apiKey: string | undefined,
  options: ChooseServerOptions,
): Promise<FoundServer | undefined> => {
  const title = vscode.l10n.t("Asking {0}", new URL(address).host);
  return withCancel(title, async (signal) => {
    const transport = await options.transport();
    return identifyServer(address, { transport, signal, totalMs: namedServerMs, ...(apiKey ? { apiKey } : {}) });
  });
};

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

/** Nothing of it comes from the remote machine: it is to be run on this one. */
const explainForward = (): void => {
  const { l10n, env, window } = vscode;
  if (env.remoteName !== "ssh-remote") {
    void window.showInformationMessage(
      l10n.t(
        "Choose 'Another address' and enter one that leads from there to your own computer; in a container that is often {0}.",
        "host.docker.internal:11434",
      ),
    );
    return;
  }
  const command = "ssh -R 11434:127.0.0.1:11434 host";
  const copy = l10n.t("Copy command");
  const offer = async () => {
    const choice = await window.showInformationMessage(
      l10n.t(
        "A reverse port forward makes a server on your own computer answer there: {0} (11434 is Ollama's port; for 'host' use the name you connect with). Then look again.",
        command,
      ),
      copy,
    );
    if (choice === copy) await env.clipboard.writeText(command);
  };
  void offer();
};

const showFault = (error: unknown, log: Log): void => {
  const { l10n } = vscode;
  if (error instanceof SignInError) {
    log.warn(`Signing in to OpenRouter: ${error.kind}`);
    warn(signInSentence(error));
    return;
  }
  const kind = faultKind(error) ?? "unknown";
  const origin = error instanceof ProviderError ? error.origin : undefined;
  if (origin === undefined) {
    log.error(`Setting up a provider: ${kind === "unknown" ? String(error) : kind}`);
    warn(l10n.t("Something unexpected happened. 'Hotpath: Show log' tells more."));
    return;
  }
  log.warn(`${origin}: ${kind}`);
  warn(setUpSentence(kind, new URL(origin).host, l10n.t));
};
