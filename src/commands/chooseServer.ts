import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ApiKeys } from "../host/secrets.ts";
import { faultKind } from "../host/sentences.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { identifyServer, type FoundServer } from "../provider/discover.ts";
import { writesText } from "../provider/modelChoice.ts";
import { SignInError } from "../provider/openRouterSignIn.ts";
import { ProviderError } from "../provider/provider.ts";
import { isLoopbackHost } from "../transport/route.ts";
import {
  enterOpenRouterKey,
  openOpenRouter,
  openRouterHost,
  signInSentence,
  signInToOpenRouter,
} from "./openRouterServer.ts";
import { askForKey, withCancel } from "./quickPick.ts";
import { withScheme } from "./serverAddress.ts";
import { explainForward, pickServer, type ServerChoice, type ServerListOptions } from "./serverList.ts";
import { noModelSentence, setUpSentence } from "./setUpTexts.ts";

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

export type ChooseServerOptions = ServerListOptions & {
  readonly clock: Clock;
  readonly log: Log;
  readonly apiKeys: ApiKeys;
};

// Somebody named it and waits for it: longer than for a port that was only guessed.
const namedServerMs = 6000;

/** Lets the person choose a server, until one answers with its models. Undefined: given up. */
export const chooseServer = async (options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
  for (;;) {
    const answer = await pickServer(options);
    if (answer === undefined || answer === "back") return undefined;
    try {
      const server = await open(answer, options);
      if (server) return server;
    } catch (error) {
      if (!isAbortError(error)) showFault(error, options.log);
    }
  }
};

const open = async (answer: ServerChoice, options: ChooseServerOptions): Promise<ChosenServer | undefined> => {
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
