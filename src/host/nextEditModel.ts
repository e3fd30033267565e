import type { TextEditor } from "vscode";
import type { ModelSource } from "../completion/engine.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { askModel } from "../nextEdit/askModel.ts";
import { findModelFormat } from "../nextEdit/modelFormats.ts";
import type { NextEdit } from "../nextEdit/nextEdit.ts";
import type { PlaceEdit } from "../nextEdit/rule.ts";
import type { RoleSetting } from "./settingsSchema.ts";
import { shownPath } from "./shownPath.ts";

export type NextEditModelOptions = {
  readonly ledger: Ledger;
  readonly source: (setting: RoleSetting) => Promise<ModelSource>;
  readonly onSuccess: () => void;
  readonly onFailure: (error: unknown, setting: RoleSetting) => void;
};

/** Asks the next-edit model of the settings, if its name tells in which form. Never throws. */
export const createNextEditModel =
  ({ ledger, source, onSuccess, onFailure }: NextEditModelOptions) =>
  async (
    setting: RoleSetting,
    editor: TextEditor,
    nextEdit: NextEdit,
    signal: AbortSignal,
  ): Promise<PlaceEdit | undefined> => {
    const edits = nextEdit.edits();
    const format = findModelFormat(setting.model);
    if (!format || edits.length === 0 || signal.aborted) return undefined;
    // What is asked about is the document of this moment; the cursor may move on while the client is loaded.
    const { line, character: column } = editor.selection.active;
    const input = { path: shownPath(editor.document.uri), lines: nextEdit.lines(), cursor: { line, column }, edits };
    try {
      const model = await source(setting);
      if (signal.aborted) return undefined;
      const edit = await askModel(input, { ...model, format, ledger, signal });
      onSuccess();
      return edit;
    } catch (error) {
      if (!signal.aborted) onFailure(error, setting);
      return undefined;
    }
  };
