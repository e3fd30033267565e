/** A prediction that waits for what is typed where it was made. */
export type PendingPrediction = {
  /** Waits for what follows `prefix`, unless an earlier prediction still waits. `chance` is handed back as it came. */
  expect(path: string, prefix: string, text: string, chance: number): void;
  /**
   * Looks whether the text before the cursor has decided about the prediction that waits: undefined while it has not.
   * One whose place is gone is dropped undecided.
   */
  observe(path: string, prefix: string): { readonly isRight: boolean; readonly chance: number } | undefined;
  /** Drops the prediction that waits for this path. */
  drop(path: string): void;
};

/** Text before the cursor that must be the same, so that what follows can be compared. */
const anchorUnits = 200;

/** Waits for nothing yet. */
export const createPendingPrediction = (): PendingPrediction => {
  let waiting: { path: string; anchor: string; end: number; text: string; chance: number } | undefined;
  return {
    expect(path, prefix, text, chance) {
      waiting ??= { path, anchor: prefix.slice(-anchorUnits), end: prefix.length, text, chance };
    },
    observe(path, prefix) {
      if (!waiting) return undefined;
      const { anchor, end, text, chance } = waiting;
      if (path !== waiting.path || prefix.length < end || !prefix.startsWith(anchor, end - anchor.length)) {
        waiting = undefined;
        return undefined;
      }
      const typedUnits = Math.min(prefix.length - end, text.length);
      const isRight = prefix.startsWith(text.slice(0, typedUnits), end);
      if (isRight && typedUnits < text.length) return undefined;
      waiting = undefined;
      return { isRight, chance };
    },
    drop(path) {
      if (waiting?.path === path) waiting = undefined;
    },
  };
};
