import * as vscode from "vscode";
import type { ModelSelection } from "../host/modelSelection.ts";
import type { Role } from "../host/settingsSchema.ts";
import type { OfferedModel } from "../provider/discover.ts";
import { chooseModels, fillsInMiddle, fitOf, isFree, isPaid, writesText } from "../provider/modelChoice.ts";
import type { MachineMemory } from "../provider/modelChoice.ts";
import type { Provider } from "../provider/provider.ts";
import type { ChosenServer } from "./chooseServer.ts";
import { heading, pick, type Choice } from "./quickPick.ts";
import { modelLabel } from "../report/formats.ts";
import { fitText, inList, priceText } from "./setUpTexts.ts";

export type ChooseModelsOptions = {
  /** Of the machine that the server runs on; undefined: it is not this one. */
  readonly memory: MachineMemory | undefined;
  /** Models that fill in the middle as the server itself says; see {@link findFillers}. */
  readonly alsoFillsIn: Promise<ReadonlySet<string>>;
  /** What was chosen before, when the person came back. */
  readonly before: ChosenModels | undefined;
};

/** Ids of models as the server names them; undefined: none. */
export type ChosenModels = Readonly<Record<Role, string | undefined>>;

type Models = { -readonly [R in Role]: ChosenModels[R] };
type ModelAnswer = { readonly id: string | undefined };

// So few are asked whether they fill in the middle when no name tells.
const askedModelsMax = 8;
const askTimeoutMs = 1500;

/** Lets the person take the models that fit best, or change them one by one. */
export const chooseModelsOf = async (
  server: ChosenServer,
  options: ChooseModelsOptions,
): Promise<ChosenModels | "back" | undefined> => {
  const { l10n } = vscode;
  const { memory } = options;
  // A llama.cpp server without a list still serves its one model.
  const offered = server.kind === "llamacpp" && server.models.length === 0 ? [{ id: "" }] : server.models;
  const { mayCharge } = server;
  const begin = async (): Promise<Models> => ({
    ...(options.before ?? chooseModels(offered, { memory, alsoFillsIn: await options.alsoFillsIn, mayCharge })),
  });
  const beginning = begin();

  for (;;) {
    const answer = await pick<Role | "use">({
      title: l10n.t("Hotpath: Set up a provider (2 of 2)"),
      placeholder: l10n.t("Models of {0}", server.name),
      canGoBack: true,
      choices: beginning.then((models) => summary(models, offered, memory)),
    });
    if (answer === undefined || answer === "back") return answer;
    const models = await beginning;
    if (answer === "use") return models;
    const alsoFillsIn = await options.alsoFillsIn;
    const chosen = await chooseOne(answer, {
      offered,
      memory,
      fillsIn: (model) => fillsInMiddle(model) || alsoFillsIn.has(model.id),
      server,
      now: models[answer],
    });
    if (chosen === undefined) return undefined;
    if (chosen === "back") continue;
    // Work in the background goes where the chat goes until somebody says otherwise.
    if (answer === "chat" && models.background === models.chat) models.background = chosen.id;
    models[answer] = chosen.id;
  }
};

/**
 * What the settings are to say. A llama.cpp server has one model, and another one after the next start: it is not named
 * there. Its router has many.
 */
export const selectionOf = (server: ChosenServer, models: ChosenModels): ModelSelection => {
  const hasOneModel = server.kind === "llamacpp" && server.models.length <= 1;
  const named = (id: string | undefined) => (id !== undefined && hasOneModel ? "" : id);
  return {
    provider: server.kind,
    baseUrl: server.baseUrl,
    models: { completion: named(models.completion), chat: named(models.chat), background: named(models.background) },
  };
};

/** Asks a server that costs nothing which models fill in the middle, when no name tells. Never throws. */
export const findFillers = async (
  server: ChosenServer,
  connect: (model: string) => Promise<Provider>,
): Promise<ReadonlySet<string>> => {
  // OpenAI's routes do not tell: there every model would count as one that does.
  if (server.kind === "openai-compatible") return new Set();
  const models = server.models.filter((model) => writesText(model) && !model.isElsewhere);
  if (server.isMetered || server.isLoading || models.some(fillsInMiddle) || models.length > askedModelsMax) {
    return new Set();
  }
  const signal = AbortSignal.timeout(askTimeoutMs);
  const fillers = await Promise.all(
    models.map(async ({ id }) => {
      try {
        const { fillInMiddle } = await (await connect(id)).capabilities({ signal });
        // Any model that chats can be asked to fill a hole; that makes it no model for ghost text.
        return fillInMiddle === "none" || fillInMiddle === "chat" ? undefined : id;
      } catch {
        // Whatever is wrong shows in the test at the end.
        return undefined;
      }
    }),
  );
  return new Set(fillers.filter((id) => id !== undefined));
};

const roleLabel = (role: Role): string => {
  const { l10n } = vscode;
  switch (role) {
    case "completion":
      return l10n.t("Ghost text");
    case "chat":
      return l10n.t("Chat");
    case "background":
      return l10n.t("Background work");
  }
};

const shownName = (id: string): string =>
  id === "" ? vscode.l10n.t("the server's own model") : inList(modelLabel(id));

const summary = (
  models: Models,
  offered: readonly OfferedModel[],
  memory: MachineMemory | undefined,
): readonly Choice<Role | "use">[] => {
  const { l10n } = vscode;
  const row = (role: Role): Choice<Role> => {
    const id = models[role];
    const model = offered.find((candidate) => candidate.id === id);
    const nothing = role === "completion" ? l10n.t("embedded predictor only") : l10n.t("not chosen yet");
    return {
      label: roleLabel(role),
      description: id === undefined ? nothing : shownName(id),
      detail: model ? [fitText(model, memory, l10n.t), priceText(model, l10n.t)].filter(Boolean).join(" · ") : "",
      value: role,
    };
  };
  const rows = [heading(l10n.t("Change")), row("completion"), row("chat"), row("background")];
  if (models.completion === undefined && models.chat === undefined) return rows;
  return [
    { label: `$(check) ${l10n.t("Use these models")}`, description: l10n.t("tests them first"), value: "use" },
    ...rows,
  ];
};

const chooseOne = async (
  role: Role,
  {
    offered,
    memory,
    fillsIn,
    server: { isMetered, mayCharge },
    now,
  }: {
    readonly offered: readonly OfferedModel[];
    readonly memory: MachineMemory | undefined;
    readonly fillsIn: (model: OfferedModel) => boolean;
    readonly server: Pick<ChosenServer, "isMetered" | "mayCharge">;
    readonly now: string | undefined;
  },
): Promise<ModelAnswer | "back" | undefined> => {
  const { l10n } = vscode;
  const row = (model: OfferedModel): Choice<ModelAnswer> => {
    const fit = memory && fitOf(model, memory)?.verdict;
    const mark = fit === "tight" || fit === "too-large" ? "$(warning) " : model.id === now ? "$(check) " : "";
    return {
      label: mark + shownName(model.id),
      description: [fitText(model, memory, l10n.t), priceText(model, l10n.t)].filter(Boolean).join(" · "),
      value: { id: model.id },
    };
  };
  const texts = offered.filter(writesText);
  const suited = role === "completion" ? texts.filter(fillsIn) : texts;
  // Others are asked by the server's own means, where it costs nothing to find out; OpenRouter has none.
  const others = role === "completion" && !isMetered ? texts.filter((model) => !fillsIn(model)) : [];
  const answer = await pick<ModelAnswer>({
    title: l10n.t("Model for: {0}", roleLabel(role)),
    placeholder:
      role === "completion" ? l10n.t("Ghost text needs a model that fills in the middle") : l10n.t("Choose a model"),
    canGoBack: true,
    isCurrent: ({ id }) => id === now,
    choices: [
      ...(role === "completion"
        ? [
            {
              label: l10n.t("Embedded predictor only"),
              description: l10n.t("no model is asked"),
              value: { id: undefined },
            },
          ]
        : []),
      ...(suited.length > 0 && role === "completion" ? [heading(l10n.t("Fill in the middle"))] : []),
      ...suited.map(row),
      ...(others.length > 0 ? [heading(l10n.t("Not known to fill in the middle"))] : []),
      ...others.map(row),
    ],
  });
  if (answer === undefined || answer === "back") return answer;
  const model = offered.find(({ id }) => id === answer.id);
  if (role !== "completion" || !mayCharge || !model || isFree(model)) return answer;
  return (await agreesToPay(model)) ? answer : "back";
};

/** Ghost text asks at nearly every pause in typing: whoever pays for that should have said so. */
const agreesToPay = async (model: OfferedModel): Promise<boolean> => {
  const { l10n } = vscode;
  const answer = await pick<"use" | "back">({
    title: isPaid(model)
      ? l10n.t("Ghost text from {0} costs money", modelLabel(model.id))
      : l10n.t("Ghost text from {0} may cost money: no price is named", modelLabel(model.id)),
    placeholder: l10n.t("A request is sent at nearly every pause in typing"),
    canGoBack: true,
    choices: [
      { label: l10n.t("Choose another"), value: "back" },
      { label: l10n.t("Use it for ghost text"), description: priceText(model, l10n.t), value: "use" },
    ],
  });
  return answer === "use";
};
