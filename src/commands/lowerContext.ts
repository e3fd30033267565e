import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import type { LoadedResident, UsedServer } from "../host/memoryResidency.ts";
import { inform, type MemoryActionServices } from "./memoryActions.ts";
import { pick, withCancel } from "./quickPick.ts";
import { inList } from "./setUpTexts.ts";

/** A shorter context does not even hold what ghost text sends. */
const shortestTokens = 2048;
/** So long a server may take to say what it holds; a person waits for the list. */
const answerMs = 3_000;

/** What a context can be lowered to: half of it and halves of that, in whole 1024s. */
export const lowerContexts = (contextTokens: number): readonly number[] => {
  const lower: number[] = [];
  for (let tokens = contextTokens / 2; tokens >= shortestTokens && lower.length < 4; tokens /= 2) {
    lower.push(Math.max(shortestTokens, Math.floor(tokens / 1024) * 1024));
  }
  return [...new Set(lower)];
};

/** A model whose context may be lowered, and its server. */
type Candidate = {
  readonly model: string;
  readonly contextTokens: number;
  readonly resident?: LoadedResident;
  readonly used: UsedServer;
  readonly slots: number;
};

const candidatesOf = async ({ memory }: MemoryActionServices): Promise<readonly Candidate[]> => {
  const watch = await memory();
  const { residents, pinned } = await watch.models();
  const residency = await watch.residency();
  const used = residency.used();
  const loaded = residents.flatMap((resident) => {
    const { model, contextTokens } = resident;
    const server = used.find(({ setting, managed }) => managed === resident.server && setting.model === model);
    return server && contextTokens !== undefined ? [{ model, contextTokens, resident, used: server, slots: 1 }] : [];
  });
  const kept = await Promise.all(
    pinned.map(async (server): Promise<readonly Candidate[]> => {
      if (server.provider.kind !== "llamacpp") return [];
      // A server that hangs must not keep the list of the others from being shown.
      const signal = AbortSignal.timeout(answerMs);
      const facts = await server.provider.capabilities({ signal }).catch(() => undefined);
      if (facts?.contextTokens === undefined) return [];
      const { contextTokens, slots = 1, model } = facts;
      return [{ model: model.split(/[/\\]/).at(-1)!, contextTokens, used: server, slots }];
    }),
  );
  return [...loaded, ...kept.flat()];
};

const choose = async <T>(title: string, label: (value: T) => string, values: readonly T[]): Promise<T | undefined> => {
  if (values.length < 2) return values[0];
  const choice = await pick({
    title,
    placeholder: "",
    choices: values.map((value) => ({ label: inList(label(value)), value })),
  });
  return choice === "back" ? undefined : choice;
};

/** llama-server sets its context aside when it starts: a person has to start it anew. */
const instruct = async ({ used, contextTokens, slots }: Candidate, tokens: number): Promise<void> => {
  const { l10n } = vscode;
  const option = `-c ${tokens * slots}`;
  const copy = l10n.t("Copy");
  const sentence = l10n.t(
    "Start the llama-server at {0} anew with {1} to lower its context from {2} to {3} tokens.",
    new URL(used.setting.baseUrl).host,
    option,
    formatCount(contextTokens),
    formatCount(tokens),
  );
  if ((await vscode.window.showInformationMessage(sentence, copy)) === copy)
    await vscode.env.clipboard.writeText(option);
};

/** Loads the model anew with a shorter context, which takes less memory. */
const reload = async (
  { memory, connections, write, reportFault }: MemoryActionServices,
  { resident, model, used }: Candidate & { readonly resident: LoadedResident },
  tokens: number,
): Promise<void> => {
  const { l10n } = vscode;
  const watch = await memory();
  const residency = await watch.residency();
  try {
    const isDone = await withCancel(
      l10n.t("Loading {0} with a context of {1} tokens", model, formatCount(tokens)),
      async (signal) => {
        if (!(await residency.unload(resident, signal))) return false;
        if (resident.server.kind === "lmstudio") residency.setContext(model, tokens);
        // Every request to Ollama names the context, so this is what keeps the next one from loading the model again.
        else await write({ "memory.ollamaContextTokens": tokens });
        return residency.load(await connections.exact(used.setting), used.setting, signal);
      },
    );
    watch.log("model", { event: "context", model, contextTokens: tokens });
    inform(
      isDone
        ? l10n.t("{0} is loaded with a context of {1} tokens.", model, formatCount(tokens))
        : l10n.t("{0} is in use now and stays as it is.", model),
    );
  } catch (error) {
    await reportFault(error, used.setting, true);
  }
  await watch.models();
};

/** "Hotpath: Lower a model's context": asks for the new length, says what will be done, and does it. */
export const lowerContext = async (services: MemoryActionServices): Promise<void> => {
  const { l10n } = vscode;
  const title = l10n.t("Lower a model's context");
  const candidates = (await candidatesOf(services)).filter((one) => lowerContexts(one.contextTokens).length > 0);
  if (candidates.length === 0) return inform(l10n.t("No loaded model has a context that could be lowered."));
  const chosen = await choose(
    title,
    ({ model, contextTokens }) => l10n.t("{0}, {1} tokens", model, formatCount(contextTokens)),
    candidates,
  );
  if (!chosen) return undefined;
  const { model, contextTokens, resident } = chosen;
  const choice = await pick({
    title: l10n.t("Context of {0}, now {1} tokens", model, formatCount(contextTokens)),
    placeholder: l10n.t("A shorter context takes less memory, and less of your code fits into it"),
    choices: lowerContexts(contextTokens).map((tokens) => ({
      label: l10n.t("{0} tokens", formatCount(tokens)),
      value: tokens,
    })),
  });
  if (choice === undefined || choice === "back") return undefined;
  if (!resident || resident.server.kind === "llamacpp") return instruct(chosen, choice);
  const load = l10n.t("Load anew");
  const sentence =
    resident.server.kind === "ollama"
      ? l10n.t(
          "Ollama loads {0} anew, and all requests of Hotpath to Ollama ask for {1} tokens from now on.",
          model,
          formatCount(choice),
        )
      : l10n.t("LM Studio loads {0} anew with a context of {1} tokens.", model, formatCount(choice));
  if ((await vscode.window.showWarningMessage(sentence, { modal: true }, load)) !== load) return undefined;
  return reload(services, { ...chosen, resident }, choice);
};
