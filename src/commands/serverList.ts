import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import type { ApiKeys } from "../host/secrets.ts";
import { discoverServers, localOrigins, type FoundServer } from "../provider/discover.ts";
import type { TransportClient } from "../transport/client.ts";
import { openRouterOrigin } from "./openRouterServer.ts";
import { heading, pick, type Choice } from "./quickPick.ts";
import { inList } from "./setUpTexts.ts";

export type ServerListOptions = {
  /** Asked anew for each use: the network's settings may be corrected meanwhile, which closes the client. */
  readonly transport: () => Promise<TransportClient>;
  readonly apiKeys: Pick<ApiKeys, "get">;
  /** The environment's `OLLAMA_HOST`. */
  readonly ollamaHost: string | undefined;
  /** Name of the machine that is looked at. */
  readonly hostName: string;
};

/** What the person chose in the list of servers. */
export type ServerChoice =
  | { readonly type: "server"; readonly server: FoundServer }
  | { readonly type: "look-again" | "forward" | "sign-in" | "enter-key" | "stored-key" | "address" };

/** Shows the servers that answer on this machine, and what else there is. Undefined: the list was closed. */
export const pickServer = async (options: ServerListOptions): Promise<ServerChoice | "back" | undefined> => {
  const { l10n, env } = vscode;
  const hasKey = (await options.apiKeys.get(openRouterOrigin)) !== undefined;
  const elsewhere: Choice<ServerChoice>[] = [
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
  const look = async (): Promise<readonly Choice<ServerChoice>[]> => {
    const transport = await options.transport();
    const found = await discoverServers(localOrigins(options.ollamaHost), { transport });
    const rows: Choice<ServerChoice>[] = found.map((server) => ({
      label: `$(server) ${server.name}`,
      description: new URL(server.baseUrl).host,
      detail: serverDetail(server),
      value: { type: "server", server },
    }));
    const none: Choice<ServerChoice> = {
      label: `$(refresh) ${l10n.t("Look again")}`,
      description: l10n.t("no model server answers on its usual port"),
      value: { type: "look-again" },
    };
    return [heading(machine), ...(rows.length > 0 ? rows : [none]), ...elsewhere];
  };
  return pick<ServerChoice>({
    title: l10n.t("Hotpath: Set up a provider (1 of 2)"),
    placeholder: l10n.t("Choose a model server"),
    choices: look(),
  });
};

const serverDetail = ({ models, wantsKey, isLoading }: FoundServer): string => {
  const { l10n } = vscode;
  if (wantsKey) return l10n.t("wants a key");
  if (isLoading) return l10n.t("is reading its model");
  return models.length === 1 ? l10n.t("1 model") : l10n.t("{0} models", formatCount(models.length));
};

/** Says how to reach a server on the person's own computer. Nothing of it comes from the remote machine: it is to be run on this one. */
export const explainForward = (): void => {
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
