import * as vscode from "vscode";
import { lazy } from "../base/lazy.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import type { Connections } from "./connections.ts";
import { registerNextEdit, type NextEditOffers, type NextEditOptions } from "./nextEdit.ts";
import type { NextEditModelOptions } from "./nextEditModel.ts";
import type { Settings } from "./settingsSchema.ts";

export type NextEditServices = Omit<NextEditOptions, "askModel" | "budget"> &
  Pick<NextEditModelOptions, "onSuccess" | "onFailure"> & {
    readonly settings: () => Settings;
    readonly connections: Pick<Connections, "source">;
    readonly cacheBudget: () => Promise<CacheBudget>;
  };

/** Makes what offers next edits; the model behind the rules is loaded by the first change that they have no answer for. */
export const createNextEditOffers = async (services: NextEditServices): Promise<NextEditOffers> => {
  const { settings, connections } = services;
  const model = lazy(async () => {
    const { createNextEditModel } = await import("./nextEditModel.ts");
    return createNextEditModel({ ...services, source: (setting) => connections.source("nextEdit", setting) });
  });
  return registerNextEdit({
    ...services,
    budget: await services.cacheBudget(),
    async askModel(editor, nextEdit, signal) {
      const setting = vscode.workspace.isTrusted ? settings().nextEdit : undefined;
      return setting && (await model())(setting, editor, nextEdit, signal);
    },
  });
};
