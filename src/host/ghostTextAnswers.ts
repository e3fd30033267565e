import type { CacheBudget } from "../cache/cacheBudget.ts";
import { createAcceptance } from "../completion/acceptance.ts";
import type { CompletionEngine } from "../completion/engine.ts";
import { registerGhostText, type GhostTextAnswers, type GhostTextOptions } from "./ghostText.ts";
import type { DisposableList } from "../base/disposable.ts";

export type GhostTextAnswersServices = Omit<GhostTextOptions, "acceptance" | "budget"> & {
  /** Gets what is made here. */
  readonly disposables: DisposableList;
  readonly loadedEngine: () => CompletionEngine | undefined;
  readonly cacheBudget: () => Promise<CacheBudget>;
};

/** Makes what answers VS Code; what becomes of its texts is counted, and told to the engine. */
export const createGhostTextAnswers = async (services: GhostTextAnswersServices): Promise<GhostTextAnswers> => {
  const { disposables, clock, ledger, loadedEngine } = services;
  const acceptance = disposables.add(
    createAcceptance({
      clock,
      onTaken({ suggestion, ...how }) {
        ledger.accepted(suggestion.origin, suggestion.insertText.length, how);
        if (suggestion.insertText !== "") loadedEngine()?.accepted(suggestion);
      },
      onUndone(suggestion, documentId) {
        ledger.undone(suggestion.origin, suggestion.insertText.length);
        loadedEngine()?.undone(documentId);
      },
      onKept: (suggestion, share) => ledger.kept(suggestion.origin, suggestion.insertText.length, share),
    }),
  );
  return registerGhostText({ ...services, acceptance, budget: await services.cacheBudget() });
};
