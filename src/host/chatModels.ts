import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { GuardedProvider } from "../provider/guard.ts";
import type { ChatRequest } from "../provider/provider.ts";
import { answerAsModel, type ChatModelServices } from "./chatModel.ts";
import type { ListedChatModel } from "./chatModelsInfo.ts";
import { createChatModelList } from "./chatModelsList.ts";
import { readOneMessage, readRequest } from "./chatModelsMessages.ts";
import { createUtilityOffer } from "./chatModelsOffer.ts";
import { createTokenCounts, type CountedModel } from "./chatModelsTokens.ts";
import type { ModelSetting, RoleSetting, Settings } from "./settingsSchema.ts";

/** What listing and asking single models needs beside what the model of the chat setting needs. */
export type ChatModelsServices = ChatModelServices & {
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined: no server is set up. */
  readonly setting: () => RoleSetting | undefined;
  readonly settings: () => Settings;
  /** One server and model, without fallbacks, behind the same queue and breaker that other features use. */
  readonly exact: (setting: ModelSetting) => Promise<GuardedProvider>;
  readonly storageFolder: string;
};

/** One server and model in the place of those that are set for chat. */
export type ChosenModel = Pick<ChatModelsServices, "setting" | "source">;

/** What VS Code asks of a provider of language models. */
export type ChatModels = {
  list(token: vscode.CancellationToken): Promise<readonly ListedChatModel[]>;
  answer(
    model: ListedChatModel,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    options: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void>;
  countTokens(
    model: ListedChatModel,
    text: string | vscode.LanguageModelChatRequestMessage,
    token: vscode.CancellationToken,
  ): Promise<number>;
  /** How the model with this id is asked, for who answers with the one that was chosen; undefined: there is none. */
  chosen(id: string): Promise<ChosenModel | undefined>;
  /** The settings, keys or the folder's trust are others now. */
  settingsChanged(): void;
};

/** Runs something with a signal that fires with the token. @throws {vscode.CancellationError} */
const withSignal = async <T>(token: vscode.CancellationToken, run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController();
  const cancelling = token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) controller.abort();
  try {
    return await run(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? new vscode.CancellationError() : error;
  } finally {
    cancelling.dispose();
  }
};

const hasImage = ({ messages }: ChatRequest): boolean =>
  messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image"));

/** `onChanged`: VS Code has to ask for the list anew. */
export const createChatModels = (services: ChatModelsServices, onChanged: () => void): ChatModels => {
  const { clock, log, exact, storageFolder } = services;
  const list = createChatModelList({
    clock,
    log,
    settings: services.settings,
    isTrusted: () => vscode.workspace.isTrusted,
    // Nobody waits for a list as for an answer: a server that is gone is told by whoever asks a model something.
    open: async (setting) => (await exact(setting)).unguarded,
    onChanged,
  });
  const counts = createTokenCounts(clock);
  const offerUtilityModel = createUtilityOffer({ folder: storageFolder, log });

  /** The server and model that answers first for this entry. */
  const settingOf = (model: ListedChatModel): ModelSetting | undefined => model.exact ?? services.setting();

  const counted = (model: ListedChatModel): CountedModel => {
    const setting = settingOf(model);
    const id = JSON.stringify([setting?.provider, setting?.baseUrl, setting?.model]);
    const mayAsk = setting?.provider === "llamacpp" && vscode.workspace.isTrusted;
    return mayAsk ? { id, open: () => exact(setting) } : { id };
  };

  /** Where requests for this entry go, and what their answers teach about its tokens. */
  const chosenOf = (model: ListedChatModel): ChosenModel => ({
    setting: () => (model.exact ? { ...model.exact, moreBaseUrls: [], fallbacks: [] } : services.setting()),
    async source(setting) {
      const source = model.exact
        ? { provider: await exact(model.exact), model: model.exact.model || model.name }
        : await services.source(setting);
      return { ...source, provider: counts.watch(counted(model), source.provider) };
    },
  });

  return {
    list: (token) => withSignal(token, (signal) => list.models(signal)),

    async answer(model, messages, options, progress, token) {
      const { l10n } = vscode;
      if (model.exact && !list.isSetUp(model.exact)) {
        throw new Error(l10n.t("The server of {0} is no longer set up. Choose another model.", model.label));
      }
      const chosen = chosenOf(model);
      const setting = chosen.setting();
      const request = readRequest(messages, options);
      if (model.vision === false && hasImage(request)) {
        throw new Error(l10n.t("{0} cannot read images. Remove the image, or choose another model.", model.label));
      }
      try {
        await answerAsModel({ ...services, ...chosen }, setting, request, progress, token);
      } finally {
        // An answer shows what is in memory, and a failure may mean that the server is another one by now.
        if (setting) list.answered(setting);
      }
      void offerUtilityModel();
    },

    countTokens: (model, text, token) =>
      withSignal(token, async (signal) => {
        signal.throwIfAborted();
        const asked = counted(model);
        if (typeof text === "string") return counts.count(asked, text, signal);
        const sizes = readOneMessage(text).map(async (message) => {
          if (typeof message.content !== "string" || (message.role === "assistant" && message.toolCalls)) {
            return counts.estimate(asked, message);
          }
          // What the template puts around it, and its text as the server counts it.
          const around = counts.estimate(asked, { ...message, content: "" });
          return around + (await counts.count(asked, message.content, signal));
        });
        return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
      }),

    async chosen(id) {
      const model = (await list.models()).find((listed) => listed.id === id);
      return model && chosenOf(model);
    },

    settingsChanged: () => list.reset(),
  };
};
