import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { ChatModels, ChatModelsServices } from "./chatModels.ts";
import type { ListedChatModel } from "./chatModelsInfo.ts";
import type { ChatServices } from "./chatParticipant.ts";
import type { RoleSetting } from "./settingsSchema.ts";

export type ChatRegistration = Disposable & {
  /** The settings are others now: VS Code asks anew for the models. */
  settingsChanged(): void;
};

const vendor = "hotpath";
// Servers without a word about it allocate this much or more; the list tells what there really is.
const usualContextTokens = 4096;

/**
 * VS Code lets a message reach a participant only when some model can be chosen, so there is one from the start, and no
 * server is asked for it.
 */
const firstModel = (setting: RoleSetting | undefined): ListedChatModel => ({
  id: "chat",
  name: `@hotpath: ${setting ? setting.model || setting.provider : vscode.l10n.t("not set up")}`,
  family: "hotpath",
  version: "1",
  ...(setting ? { detail: "Hotpath" } : {}),
  maxInputTokens: usualContextTokens,
  maxOutputTokens: usualContextTokens,
  capabilities: { toolCalling: true, imageInput: false },
  exact: undefined,
  label: setting?.model || "Hotpath",
  vision: undefined,
});

/** Puts `@hotpath` and the models behind it into VS Code's chat. What answers is loaded by the first message. */
export const registerChat = (
  services: ChatServices & ChatModelsServices,
  extensionUri: vscode.Uri,
): ChatRegistration => {
  const disposables = createDisposableList();
  const participantCode = lazy(() => import("./chatParticipant.ts"));

  const participant = vscode.chat.createChatParticipant("hotpath.chat", async (request, ...more) => {
    const { answerChat } = await participantCode();
    // Without its built-in chat VS Code never asks for models by itself: whoever talks here may look for them next.
    if (!loaded) changed.fire();
    const { model } = request;
    const isOurs = model.vendor === vendor && model.id !== firstModel(undefined).id;
    const chosen = isOurs ? await (await models()).chosen(model.id) : undefined;
    // The chat setting's model is another one, and may run elsewhere: who chose this one did not agree to that.
    if (isOurs && !chosen && vscode.workspace.isTrusted) {
      const message = vscode.l10n.t("{0} is not offered by its server now. Choose another model.", model.name);
      return { errorDetails: { message } };
    }
    return answerChat({ ...services, ...chosen }, request, ...more);
  });
  participant.iconPath = vscode.Uri.joinPath(extensionUri, "media", "icon.png");
  participant.followupProvider = {
    provideFollowups: async (result) => (await participantCode()).followUpsFor(result),
  };
  disposables.add(participant);

  const changed = disposables.add(new vscode.EventEmitter<void>());
  let loaded: ChatModels | undefined;
  const models = lazy(async () => {
    const { createChatModels } = await import("./chatModels.ts");
    loaded = createChatModels(services, () => changed.fire());
    disposables.add({ dispose: () => loaded?.settingsChanged() });
    return loaded;
  });
  /** Questions that VS Code asks because of us, not because of somebody who wants a model: they reach no server. */
  let ownQuestions = 0;
  let isStarting = true;
  let questions = 0;

  const provider: vscode.LanguageModelChatProvider<ListedChatModel> = {
    onDidChangeLanguageModelChatInformation: changed.event,
    async provideLanguageModelChatInformation(_options, token) {
      questions++;
      const isOwn = isStarting || ownQuestions > 0;
      ownQuestions = Math.max(0, ownQuestions - 1);
      if (isOwn && !loaded) return [firstModel(services.setting())];
      return [...(await (await models()).list(token))];
    },
    provideLanguageModelChatResponse: async (...request) => (await models()).answer(...request),
    provideTokenCount: async (...text) => (await models()).countTokens(...text),
  };
  disposables.add(vscode.lm.registerLanguageModelChatProvider(vendor, provider));

  /** VS Code knows of no model until somebody asks, and the first message would reach nobody. */
  const findModel = async (): Promise<void> => {
    try {
      await vscode.lm.selectChatModels({ vendor });
    } catch {
      // The list of models asks again.
    } finally {
      isStarting = false;
    }
    // Somebody else asked meanwhile, and is to get the whole list.
    if (questions > 1) changed.fire();
  };
  void findModel();

  return {
    settingsChanged() {
      if (loaded) loaded.settingsChanged();
      else ownQuestions++;
      changed.fire();
    },
    dispose: () => disposables.dispose(),
  };
};
