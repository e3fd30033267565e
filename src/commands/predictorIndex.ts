import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import { formatBytes, formatShare } from "../memory/format.ts";
import type { SuggestionCounts } from "../metrics/ledger.ts";
import type { PredictorStats } from "../predictor/predictorService.ts";
import type { AnswerDocuments } from "./explainSelection.ts";

const { l10n } = vscode;

/**
 * "Hotpath: Rebuild predictor index": reads the workspace again; the status item's tooltip says how far it is. A predictor
 * that stays off after two faults is ended by `stop` first, so that it gets another try.
 */
export const rebuildPredictorIndex = async (
  feed: { rebuild(): Promise<void>; stats(): Promise<PredictorStats | undefined> },
  stop: () => Promise<void>,
  isEnabled: boolean,
): Promise<void> => {
  if (!isEnabled) {
    void vscode.window.showInformationMessage(l10n.t("The embedded predictor is switched off in the settings."));
    return;
  }
  if (!vscode.workspace.workspaceFolders?.length) {
    void vscode.window.showInformationMessage(
      l10n.t("No folder is open that could be read. The predictor learns from what you edit."),
    );
    return;
  }
  if ((await feed.stats())?.problem !== undefined) await stop();
  await feed.rebuild();
  void vscode.window.showInformationMessage(l10n.t("Hotpath reads this workspace again in the background."));
};

/** "Hotpath: Clear predictor index": nothing that was learned is left, in memory or on the disk. */
export const clearPredictorIndex = async (feed: { clear(): Promise<void> }): Promise<void> => {
  await feed.clear();
  void vscode.window.showInformationMessage(
    l10n.t(
      "The predictor has forgotten this workspace. It learns from what you edit; \u201cRebuild predictor index\u201d lets it read the files again.",
    ),
  );
};

export type StatisticsInput = {
  /** Undefined: the predictor was not needed yet. */
  readonly stats: PredictorStats | undefined;
  readonly suggestions: readonly SuggestionCounts[];
  readonly isEnabled: boolean;
  readonly maxBytes: number;
};

/** "Hotpath: Show predictor statistics": a Markdown page with the figures as they are now. */
export const showPredictorStatistics = async (
  input: StatisticsInput & { readonly documents: AnswerDocuments },
): Promise<void> => {
  const page = input.documents.create(l10n.t("Predictor statistics"));
  page.show(statisticsPage(input));
  await vscode.workspace.openTextDocument(page.uri);
  await vscode.commands.executeCommand("markdown.showPreview", page.uri);
};

const share = (part: number, whole: number): string => (whole > 0 ? formatShare(part / whole) : "–");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The page's Markdown. Nothing in it comes from the workspace but extensions of files, which are letters here. */
export const statisticsPage = ({ stats, suggestions, isEnabled, maxBytes }: StatisticsInput): string => {
  const title = `# ${l10n.t("Predictor statistics")}\n\n`;
  if (!isEnabled) return title + l10n.t("The embedded predictor is switched off in the settings.");
  if (!stats) return title + l10n.t("The predictor begins to learn when you first edit or move the cursor.");
  if (stats.problem !== undefined)
    return title + l10n.t("The predictor stopped twice and stays off. The log says why.");
  const counts = suggestions.find(({ source }) => source === "predictor");
  const offered = counts?.offered ?? 0;
  const accepted = counts?.accepted ?? 0;
  const state = stats.isWaitingForPower
    ? l10n.t("waiting for the machine to stop saving power")
    : stats.indexing
      ? l10n.t("learning")
      : l10n.t("up to date");
  const facts = table(
    [l10n.t("What"), l10n.t("Now")],
    [
      [l10n.t("State"), state],
      [l10n.t("Files"), formatCount(stats.files)],
      [l10n.t("Of them from the saved index"), formatCount(stats.restoredFiles)],
      [l10n.t("Text"), formatBytes(stats.textBytes)],
      [l10n.t("Memory"), l10n.t("{0} of at most {1}", formatBytes(stats.memoryBytes), formatBytes(maxBytes))],
      [l10n.t("Saved index"), stats.savedBytes === undefined ? "–" : formatBytes(stats.savedBytes)],
      [l10n.t("Places asked about"), formatCount(stats.asked)],
      [l10n.t("Answered"), `${formatCount(stats.answered)} (${share(stats.answered, stats.asked)})`],
      [l10n.t("Shown as ghost text"), formatCount(offered)],
      [l10n.t("Accepted"), `${formatCount(accepted)} (${share(accepted, offered)})`],
    ],
  );
  const languages = stats.languages.map(({ language, decided, right, meanConfidence }) => [
    language.replaceAll(/[^\w-]/g, "") || "–",
    formatCount(decided),
    share(right, decided),
    formatShare(meanConfidence),
  ]);
  const honesty =
    languages.length === 0
      ? l10n.t("Nothing was predicted yet that what you typed then has decided about.")
      : table([l10n.t("Files"), l10n.t("Predictions"), l10n.t("Right"), l10n.t("Expected to be right")], languages);
  return `${title}${facts}\n\n## ${l10n.t("Right, and expected to be right, in this session")}\n\n${honesty}\n`;
};
