import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import {
  allToolSelections,
  noToolSelections,
  recallOf,
  selectionSources,
  type SelectionSource,
  type ToolSelectionCounts,
  type ToolSelectionTotals,
} from "../metrics/toolTally.ts";
import type { ReportView } from "./messages.ts";

const row = (label: string, counts: ToolSelectionCounts): readonly string[] => {
  const recall = recallOf(counts);
  const share = recall === undefined ? "–" : `${Math.round(100 * recall)} %`;
  return [label, formatCount(counts.selections), formatCount(counts.calls), share];
};

/** What choosing tools for chat models was worth: lists by where they came from, with the recall they gave. */
export const toolsView = (known: ToolSelectionTotals | undefined, t: Translate): ReportView["tools"] => {
  const totals = known ?? noToolSelections;
  const all = allToolSelections(totals);
  const used = selectionSources.filter((source) => totals.bySource[source].selections > 0);
  return {
    heading: t("Tools chosen for chat models"),
    facts: [
      t("tokens of tool descriptions that were not sent, estimated: {0}", formatCount(totals.promptTokensSaved)),
      t("times a model asked for more tools: {0}", formatCount(totals.searches)),
    ],
    columns: [t("List of tools from"), t("Requests"), t("Tool calls"), t("Tool was in the list")],
    rows: [
      ...used.map((source) => row(selectionLabel(source, t), totals.bySource[source])),
      ...(used.length > 1 ? [row(t("All together"), all)] : []),
    ],
    empty: t("No choice yet. When a chat offers a model many tools, Hotpath sends those that it needs."),
  };
};

const selectionLabel = (source: SelectionSource, t: Translate): string => {
  switch (source) {
    case "exact":
      return t("The same question before");
    case "context":
      return t("An earlier request of the same turn");
    case "learned":
      return t("Words and what was used before");
    case "words":
      return t("Words alone");
  }
};
