/** Where a list of tools came from: the same question before, an earlier call of its turn, or a ranking with or without what was learned. */
export const selectionSources = ["exact", "context", "learned", "words"] as const;
export type SelectionSource = (typeof selectionSources)[number];

/** One answer of a model that had chosen tools: where the choice came from, and what it gave and saved. */
export type ToolSelectionRecord = {
  readonly source: SelectionSource;
  /** Calls of tools that the answer made, and how many of these tools the model had without asking for them. */
  readonly calls: number;
  readonly callsListed: number;
  /** How often the model asked for more tools. */
  readonly searches: number;
  /** Estimated tokens that the model did not have to read: tools left out, less what it was told of tools later. */
  readonly promptTokensSaved: number;
};

export type ToolSelectionCounts = {
  readonly selections: number;
  readonly calls: number;
  readonly callsListed: number;
};

/** Sums of records. A hit rate alone says little: {@link recallOf} tells what the hits were worth. */
export type ToolSelectionTotals = {
  readonly bySource: Readonly<Record<SelectionSource, ToolSelectionCounts>>;
  readonly searches: number;
  readonly promptTokensSaved: number;
};

const none: ToolSelectionCounts = { selections: 0, calls: 0, callsListed: 0 };

export const noToolSelections: ToolSelectionTotals = {
  bySource: { exact: none, context: none, learned: none, words: none },
  searches: 0,
  promptTokensSaved: 0,
};

const sumOf = (a: ToolSelectionCounts, b: ToolSelectionCounts): ToolSelectionCounts => ({
  selections: a.selections + b.selections,
  calls: a.calls + b.calls,
  callsListed: a.callsListed + b.callsListed,
});

/** The totals with one more record. */
export const withToolSelection = (totals: ToolSelectionTotals, record: ToolSelectionRecord): ToolSelectionTotals => {
  const { source, calls, callsListed } = record;
  const counts = sumOf(totals.bySource[source], { selections: 1, calls, callsListed });
  return {
    bySource: { ...totals.bySource, [source]: counts },
    searches: totals.searches + record.searches,
    promptTokensSaved: totals.promptTokensSaved + record.promptTokensSaved,
  };
};

/** The counts of all sources together. */
export const allToolSelections = ({ bySource }: ToolSelectionTotals): ToolSelectionCounts =>
  Object.values(bySource).reduce(sumOf, none);

/** Share of the calls whose tool the model had without asking for it, from 0 to 1; undefined before any call. */
export const recallOf = ({ calls, callsListed }: ToolSelectionCounts): number | undefined =>
  calls > 0 ? callsListed / calls : undefined;
