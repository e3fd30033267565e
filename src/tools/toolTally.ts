import type { SelectionSource } from "./selector.ts";
import type { Tool } from "./tool.ts";

/** One request to a model with chosen tools: where the choice came from, and what it gave and saved. */
export type ToolSelectionRecord = {
  readonly source: SelectionSource;
  /** Tools that there were, and those that were sent. */
  readonly offered: number;
  readonly sent: number;
  /** Different tools that the request turned out to need, and how many of these had been sent. */
  readonly used: number;
  readonly usedSent: number;
  /** Estimated tokens of the tools that were not sent. */
  readonly promptTokensSaved: number;
};

/** Sums of records. A hit rate alone says little: {@link recallOf} tells what the hits were worth. */
export type ToolSelectionTotals = {
  readonly selections: number;
  readonly bySource: Readonly<Record<SelectionSource, number>>;
  readonly used: number;
  readonly usedSent: number;
  readonly promptTokensSaved: number;
};

export const noToolSelections: ToolSelectionTotals = {
  selections: 0,
  bySource: { exact: 0, context: 0, learned: 0, words: 0 },
  used: 0,
  usedSent: 0,
  promptTokensSaved: 0,
};

/** Tokens that a tool takes in a prompt, estimated as characters / 4, which is fewer than there are. */
export const toolTokens = ({ name, description, parameters }: Tool): number =>
  Math.ceil((name.length + description.length + (JSON.stringify(parameters) ?? "").length) / 4);

/** Makes the record of a request. `used` are the ids of the tools it really called. */
export const toolSelectionRecord = ({
  source,
  offered,
  sent,
  used,
}: {
  readonly source: SelectionSource;
  readonly offered: readonly Tool[];
  readonly sent: readonly string[];
  readonly used: readonly string[];
}): ToolSelectionRecord => {
  const sentIds = new Set(sent);
  const usedIds = new Set(used);
  let promptTokensSaved = 0;
  for (const tool of offered) if (!sentIds.has(tool.id)) promptTokensSaved += toolTokens(tool);
  let usedSent = 0;
  for (const id of usedIds) if (sentIds.has(id)) usedSent++;
  return { source, offered: offered.length, sent: sentIds.size, used: usedIds.size, usedSent, promptTokensSaved };
};

/** The totals with one more record. */
export const withToolSelection = (totals: ToolSelectionTotals, record: ToolSelectionRecord): ToolSelectionTotals => ({
  selections: totals.selections + 1,
  bySource: { ...totals.bySource, [record.source]: totals.bySource[record.source] + 1 },
  used: totals.used + record.used,
  usedSent: totals.usedSent + record.usedSent,
  promptTokensSaved: totals.promptTokensSaved + record.promptTokensSaved,
});

/** Share of the tools that were needed which had been sent, from 0 to 1; undefined before any was needed. */
export const recallOf = ({ used, usedSent }: ToolSelectionTotals): number | undefined =>
  used > 0 ? usedSent / used : undefined;
