import * as vscode from "vscode";
import type { Disposable } from "../base/disposable.ts";
import type { MemoryView } from "../memory/describe.ts";

/** The memory indicator, and what the rest of the program has to say in it. */
export type StatusBar = Disposable & {
  /** Shows that something needs the user, with a sentence in the tooltip; undefined: all is well. */
  setProblem(sentence: string | undefined): void;
  /** What {@link setProblem} was told last. */
  problem(): string | undefined;
  /** Says in the tooltip what is waited for; undefined: nothing. */
  setWaiting(sentence: string | undefined): void;
  /** Says in the tooltip how far the predictor is, 0 to 1; undefined: it is not reading. */
  setLearning(share: number | undefined): void;
  /** Says in the tooltip that Hotpath gets along with less memory, and why; undefined: it does not. */
  setSaving(sentence: string | undefined): void;
  /** Shows memory. */
  show(view: MemoryView): void;
};

/** Nothing of a text is markup, a link or a picture: models name themselves. */
const asMarkdown = (text: string): string => text.replaceAll(/[!-/:-@[-`{-~]/g, String.raw`\$&`);

const tablesCommand = "hotpath.showMachineTables";

/** Makes the item, which shows what it is told; a click opens a list of what can be done. */
export const createStatusBar = (): StatusBar => {
  const { l10n, ThemeColor } = vscode;
  const item = vscode.window.createStatusBarItem("memory", vscode.StatusBarAlignment.Right, 90);
  const notes: { [Name in "problem" | "waiting" | "learning" | "saving"]?: string | undefined } = {};
  let view: MemoryView | undefined;
  let shown = "";
  item.name = l10n.t("Hotpath memory");
  item.command = "hotpath.memoryMenu";

  const draw = () => {
    if (!view) return;
    const { level, label, details, tables } = view;
    const said = [notes.problem, notes.waiting, notes.learning, notes.saving].filter((note) => note !== undefined);
    const text = `${notes.problem ? "$(warning)" : "$(pulse)"} ${view.text}`;
    const paragraphs = [said, ...details].map((lines) => lines.map(asMarkdown).join("  \n"));
    if (tables !== undefined) paragraphs.push(`[${asMarkdown(tables)}](command:${tablesCommand})`);
    const tooltip = paragraphs.join("\n\n");
    const now = [text, tooltip, level, label].join("\n");
    // A new tooltip closes the one that somebody reads.
    if (now === shown) return;
    shown = now;
    item.text = text;
    const markdown = new vscode.MarkdownString(tooltip);
    // The one link that is ours; all other text is escaped.
    markdown.isTrusted = { enabledCommands: [tablesCommand] };
    item.tooltip = markdown;
    item.accessibilityInformation = { label: [...said, label].map((part) => part.replace(/\.$/, "")).join(". ") };
    const color = level === "critical" ? "errorBackground" : level === "warning" ? "warningBackground" : undefined;
    item.backgroundColor = color && new ThemeColor(`statusBarItem.${color}`);
    item.show();
  };
  const note = (name: keyof typeof notes, sentence: string | undefined) => {
    if (notes[name] === sentence) return;
    notes[name] = sentence;
    draw();
  };
  return {
    setProblem: (sentence) => note("problem", sentence),
    problem: () => notes.problem,
    setWaiting: (sentence) => note("waiting", sentence),
    setLearning: (share) =>
      note(
        "learning",
        share === undefined ? undefined : l10n.t("Hotpath: learning this workspace, {0} %", Math.round(share * 100)),
      ),
    setSaving: (sentence) => note("saving", sentence),
    show(next) {
      view = next;
      draw();
    },
    dispose: () => item.dispose(),
  };
};
