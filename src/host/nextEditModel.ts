import type { TextEditor } from "vscode";
import type { Clock } from "../base/clock.ts";
import type { ModelSource } from "../completion/engine.ts";
import { createRequestBudget, meteredPerMinute } from "../completion/requestBudget.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { askModel } from "../nextEdit/askModel.ts";
import { findModelFormat } from "../nextEdit/modelFormats.ts";
import type { NextEdit } from "../nextEdit/nextEdit.ts";
import type { PlaceEdit } from "../nextEdit/rule.ts";
import type { RoleSetting } from "./settingsSchema.ts";
import { looksSecret, shownPath } from "./shownPath.ts";

export type NextEditModelOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly source: (setting: RoleSetting) => Promise<ModelSource>;
  readonly onSuccess: () => void;
  readonly onFailure: (error: unknown, setting: RoleSetting) => void;
};

/**
 * Asks the next-edit model of the settings, if its name tells in which form; one that charges, as often in a minute as
 * ghost text may. Never throws.
 */
export const createNextEditModel = ({ clock, ledger, source, onSuccess, onFailure }: NextEditModelOptions) => {
  const budget = createRequestBudget(clock, meteredPerMinute);
  return async (
    setting: RoleSetting,
    editor: TextEditor,
    nextEdit: NextEdit,
    signal: AbortSignal,
  ): Promise<PlaceEdit | undefined> => {
    const edits = nextEdit.edits();
    const format = findModelFormat(setting.model);
    if (!format || edits.length === 0 || signal.aborted || looksSecret(editor.document.uri)) return undefined;
    // What is asked about is the document of this moment; the cursor may move on while the client is loaded.
    const { line, character: column } = editor.selection.active;
    const input = { path: shownPath(editor.document.uri), lines: nextEdit.lines(), cursor: { line, column }, edits };
    try {
      const model = await source(setting);
      const { isMetered = false } = await model.provider.capabilities({ signal });
      if (signal.aborted || (isMetered && !budget.take())) return undefined;
      const edit = await askModel(input, { ...model, format, ledger, signal });
      onSuccess();
      return edit;
    } catch (error) {
      if (!signal.aborted) onFailure(error, setting);
      return undefined;
    }
  };
};
