import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { ChatServices } from "./chatParticipant.ts";
import type { RoleSetting } from "./settingsSchema.ts";

export type ChatRegistration = Disposable & {
  /** The settings are others now: VS Code asks anew for the model's name. */
  settingsChanged(): void;
};

const vendor = "hotpath";
// Servers without a word about it allocate this much or more; what really fits is known with the first answer.
const usualContextTokens = 4096;
const unitsPerToken = 3;

/** VS Code lets a message reach a participant only when some model can be chosen, so there always is one. */
const modelOf = (setting: RoleSetting | undefined): vscode.LanguageModelChatInformation => ({
  id: "chat",
  name: setting ? setting.model || setting.provider : vscode.l10n.t("Hotpath (not set up)"),
  family: "hotpath",
  version: "1",
  ...(setting ? { detail: "Hotpath" } : {}),
  maxInputTokens: usualContextTokens,
  maxOutputTokens: usualContextTokens,
  capabilities: { toolCalling: true, imageInput: false },
});

/** VS Code knows of no model until somebody asks, and the first message would reach nobody. */
const findModel = async (): Promise<void> => {
  try {
    await vscode.lm.selectChatModels({ vendor });
  } catch {
    // The list of models asks again.
  }
};

/** Puts `@hotpath` and the model behind it into VS Code's chat. What answers is loaded by the first message. */
export const registerChat = (services: ChatServices, extensionUri: vscode.Uri): ChatRegistration => {
  const disposables = createDisposableList();
  const participantCode = lazy(() => import("./chatParticipant.ts"));
  const modelCode = lazy(() => import("./chatModel.ts"));

  const participant = vscode.chat.createChatParticipant("hotpath.chat", async (...message) =>
    (await participantCode()).answerChat(services, ...message),
  );
  participant.iconPath = vscode.Uri.joinPath(extensionUri, "media", "icon.png");
  participant.followupProvider = {
    provideFollowups: async (result) => (await participantCode()).followUpsFor(result),
  };
  disposables.add(participant);

  const changed = disposables.add(new vscode.EventEmitter<void>());
  disposables.add(
    vscode.lm.registerLanguageModelChatProvider(vendor, {
      onDidChangeLanguageModelChatInformation: changed.event,
      provideLanguageModelChatInformation: () => [modelOf(services.setting())],
      async provideLanguageModelChatResponse(_model, messages, options, progress, token) {
        const { answerAsModel, readRequest } = await modelCode();
        await answerAsModel(services, services.setting(), readRequest(messages, options), progress, token);
      },
      provideTokenCount: async (_model, text) =>
        Math.ceil((typeof text === "string" ? text : JSON.stringify(text.content)).length / unitsPerToken),
    }),
  );
  void findModel();
  return {
    settingsChanged: () => changed.fire(),
    dispose: () => disposables.dispose(),
  };
};
