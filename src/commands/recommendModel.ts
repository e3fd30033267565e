import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import { memoryBudget, type Purpose } from "../hardware/advice.ts";
import { gigabytes, recommendationDetail, speedText } from "../hardware/adviceTexts.ts";
import { llamaServerCommand, type ModelSource } from "../hardware/llamaServerCommand.ts";
import { pullName, recommend, type Recommendation } from "../hardware/recommend.ts";
import type { Machine, MachineModel, MachineView } from "../host/machine.ts";
import { heading, pick, type Choice } from "./quickPick.ts";
import { pullWithProgress } from "./recommendModelPull.ts";
import { putToUse, type UseOptions } from "./recommendModelUse.ts";
import { inList } from "./setUpTexts.ts";

export type RecommendOptions = UseOptions & {
  readonly machine: Machine;
  /** Opens the report at the tables for this machine. */
  readonly showTables: () => Promise<void>;
};

type Found = Recommendation<MachineModel>;

const purposeLabel = (purpose: Purpose): string =>
  purpose === "completion" ? vscode.l10n.t("Ghost text") : vscode.l10n.t("Chat");

const nameOf = ({ label, quantisation }: Found): string =>
  quantisation === undefined ? inList(label) : `${label} ${quantisation}`;

/** What was looked at, and where: in a remote window it is another machine than the one that shows this. */
const machineSentence = ({ device, hostName, freeBytes }: MachineView): string => {
  const { l10n, env } = vscode;
  const budget = Math.min(memoryBudget(device), freeBytes ?? Infinity);
  const here = env.remoteName === undefined ? l10n.t("this machine") : l10n.t("the remote machine {0}", hostName);
  const memory = l10n.t(
    "{0} of {1}: {2}, of which models can have {3}.",
    device.name,
    here,
    gigabytes(device.memoryBytes),
    gigabytes(Math.max(0, budget)),
  );
  const trust = vscode.workspace.isTrusted
    ? ""
    : ` ${l10n.t("This folder is not trusted: no server is asked, and nothing is changed.")}`;
  return memory + trust;
};

type First = Purpose | "tables";

const askPurpose = (view: Promise<MachineView>): Promise<First | "back" | undefined> => {
  const { l10n } = vscode;
  const row = (purpose: Purpose, machine: MachineView): Choice<First> => {
    const [best] = recommend(purpose, machine, machine.models);
    const known = best && best.suits !== "not" ? [nameOf(best), speedText(best, l10n.t)].filter(Boolean) : [];
    if (best?.suits === "poorly") known.push(l10n.t("slow, or short of memory"));
    return {
      label: `${purpose === "completion" ? "$(sparkle)" : "$(comment-discussion)"} ${purposeLabel(purpose)}`,
      description: known.length > 0 ? known.join(" · ") : l10n.t("nothing fits"),
      value: purpose,
    };
  };
  return pick<First>({
    title: l10n.t("Hotpath: Recommend a model for this machine"),
    placeholder: l10n.t("What is the model for?"),
    choices: view.then((machine) => [
      row("completion", machine),
      row("chat", machine),
      heading(""),
      { label: `$(table) ${l10n.t("Batch and context tables")}`, value: "tables" },
    ]),
  });
};

const icons = { well: "$(check)", poorly: "$(warning)", not: "$(circle-slash)" } as const;

const askModel = (purpose: Purpose, machine: MachineView): Promise<Found | "back" | undefined> => {
  const { l10n } = vscode;
  const all = recommend(purpose, machine, machine.models);
  const headings = {
    well: l10n.t("Suits this machine, the ablest first"),
    poorly: l10n.t("Slow, or short of memory here"),
    not: l10n.t("Does not fit"),
  };
  const choices: Choice<Found>[] = [];
  for (const suits of ["well", "poorly", "not"] as const) {
    const some = all.filter((one) => one.suits === suits);
    if (some.length > 0) choices.push(heading(headings[suits]));
    for (const one of some) {
      choices.push({
        label: `${icons[suits]} ${nameOf(one)}`,
        description: one.installed ? l10n.t("on {0}", one.installed.server.name) : "",
        detail: recommendationDetail(one, l10n.t),
        value: one,
      });
    }
  }
  return pick<Found>({
    title: l10n.t("Models for: {0}", purposeLabel(purpose)),
    placeholder: l10n.t("Choose a model"),
    prompt: machineSentence(machine),
    canGoBack: true,
    choices,
  });
};

type Action = "use" | "pull" | "copy";

const shell = () => (process.platform === "win32" ? "powershell" : "posix");

/** A model that is published in one quantisation needs no name for it. */
const sourceOf = (repository: string, quantisation: string | undefined): ModelSource =>
  quantisation === undefined || quantisation === "MXFP4" ? { repository } : { repository, quantisation };

/** Undefined: it has no file that llama-server could take, or does not fit. */
const commandFor = ({ entry, quantisation, installed, advice }: Found, { device }: MachineView): string | undefined => {
  if (!advice.fits) return undefined;
  const source = installed?.file ? { file: installed.file } : entry && sourceOf(entry.repository, quantisation);
  return source && llamaServerCommand(source, advice, device, { shell: shell() });
};

const askAction = (purpose: Purpose, found: Found, machine: MachineView): Promise<Action | "back" | undefined> => {
  const { l10n, workspace } = vscode;
  const command = commandFor(found, machine);
  const use: Choice<Action> = {
    label: `$(check) ${purpose === "completion" ? l10n.t("Use it for ghost text") : l10n.t("Use it for chat")}`,
    description: l10n.t("tests it first"),
    value: "use",
  };
  const pull: Choice<Action> = {
    label: `$(cloud-download) ${l10n.t("Download through Ollama")}`,
    description: l10n.t("about {0}, asks first", gigabytes(found.facts.weightsBytes)),
    value: "pull",
  };
  const canPull = !found.installed && found.advice.fits && machine.ollamaUrl !== undefined;
  return pick<Action>({
    title: nameOf(found),
    placeholder: l10n.t("Choose what to do"),
    prompt: recommendationDetail(found, l10n.t),
    canGoBack: true,
    choices: [
      ...(found.installed && workspace.isTrusted ? [use] : []),
      ...(canPull ? [pull] : []),
      ...(command === undefined
        ? []
        : [
            {
              label: `$(copy) ${l10n.t("Copy llama-server command")}`,
              detail: inList(command),
              value: "copy" as const,
            },
          ]),
      ...(canPull || found.installed || !workspace.isTrusted || !found.advice.fits
        ? []
        : [heading(l10n.t("No Ollama answers on this machine"))]),
    ],
  });
};

const pullAndOffer = async (purpose: Purpose, found: Found, baseUrl: string, options: RecommendOptions) => {
  const { l10n } = vscode;
  if (!found.entry || !found.quantisation) return;
  const name = pullName(found.entry, found.quantisation);
  const pulled = await pullWithProgress({ ...options, baseUrl, name, sizeBytes: found.facts.weightsBytes });
  if (pulled !== "done") return;
  const use = purpose === "completion" ? l10n.t("Use it for ghost text") : l10n.t("Use it for chat");
  const choice = await vscode.window.showInformationMessage(l10n.t("{0} is there.", name), use);
  if (choice === use) await putToUse(purpose, { provider: "ollama", baseUrl, model: name }, options);
};

/** False: the person wants to see the list again. */
const act = async (purpose: Purpose, found: Found, machine: MachineView, options: RecommendOptions) => {
  const action = await askAction(purpose, found, machine);
  if (action === "back") return false;
  if (action === "copy") {
    await vscode.env.clipboard.writeText(commandFor(found, machine) ?? "");
    void vscode.window.showInformationMessage(vscode.l10n.t("Copied. Run it in a terminal on this machine."));
  }
  if (action === "use" && found.installed) {
    const { server, id } = found.installed;
    // A llama.cpp server without a router has one model, and another one after its next start: it is not named.
    const itsModels = machine.models.filter((one) => one.server.baseUrl === server.baseUrl);
    const isOnlyOne = server.kind === "llamacpp" && itsModels.length <= 1;
    const chosen = { provider: server.kind, baseUrl: server.baseUrl, model: isOnlyOne ? "" : id };
    return putToUse(purpose, chosen, options);
  }
  if (action === "pull" && machine.ollamaUrl) await pullAndOffer(purpose, found, machine.ollamaUrl, options);
  return true;
};

/**
 * "Hotpath: Recommend a model for this machine": what fits, how fast it will be and what to do about it. Looks at this
 * machine and the servers on it; in a folder that is not trusted it asks no server and changes nothing.
 */
export const recommendModel = async (options: RecommendOptions): Promise<void> => {
  const { l10n, window } = vscode;
  const closing = new AbortController();
  const view = options.machine.view({ signal: closing.signal });
  try {
    for (;;) {
      const purpose = await askPurpose(view);
      if (purpose === undefined || purpose === "back") return;
      if (purpose === "tables") {
        await options.showTables();
        return;
      }
      const machine = await view;
      for (;;) {
        const found = await askModel(purpose, machine);
        if (found === undefined) return;
        if (found === "back") break;
        if (await act(purpose, found, machine, options)) return;
      }
    }
  } catch (error) {
    if (isAbortError(error)) return;
    options.log.error(`Looking at this machine: ${String(error)}`);
    void window.showErrorMessage(l10n.t("This machine's facts could not be read. 'Hotpath: Show log' tells more."));
  } finally {
    closing.abort();
    // It was given up, and nobody is left to hear why it ended.
    view.catch(() => undefined);
  }
};
