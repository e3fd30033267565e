import type { ModelServer, ResidencyErrorDetails } from "./modelServer.ts";

/** A loaded model, and what we know of its use. */
export type Resident = {
  readonly key: string;
  readonly server: ModelServer;
  readonly model: string;
  readonly sizeBytes: number;
  /** What of it lies in graphics memory, and the context set aside, as far as the server tells. */
  readonly graphicsBytes?: number;
  readonly contextTokens?: number;
  /** When the server unloads it by itself, milliseconds since 1970, as far as it tells. */
  readonly expiresAtMs?: number;
  /** What its process was started with, as far as the server tells. */
  readonly args?: readonly string[];
  /** Whether it was loaded through us, and not by another program or window. */
  readonly isOurs: boolean;
  readonly isInUse: boolean;
  /** Monotonic; minus infinity: never by us. */
  readonly usedAtMs: number;
};

/** Shares, 0..1, of what models could take on an empty machine. */
export type Budget = {
  /** What all loaded models may take together. */
  readonly share: number;
  /** What one model may take that is alone. */
  readonly limitShare: number;
};

export const defaultBudget: Budget = { share: 0.7, limitShare: 0.85 };

export type BudgetBytes = { readonly budgetBytes: number; readonly limitBytes: number };

export const budgetOf = (usableBytes: number, { share, limitShare }: Budget = defaultBudget): BudgetBytes => ({
  budgetBytes: share * usableBytes,
  limitBytes: Math.max(share, limitShare) * usableBytes,
});

/** Who has to go for a new model, ours first; or why it cannot be loaded. */
export type EvictionPlan =
  | { readonly ours: readonly Resident[]; readonly foreign: readonly Resident[] }
  | { readonly refusal: "too-large" | "in-use"; readonly details: Omit<ResidencyErrorDetails, "neededBytes"> };

/**
 * Chooses the least recently used models of ours, as many as it takes, and only then those of others. A model larger
 * than the budget, but below the limit, has to be alone.
 */
export const chooseVictims = (
  residents: readonly Resident[],
  neededBytes: number,
  { budgetBytes, limitBytes }: BudgetBytes,
): EvictionPlan => {
  if (neededBytes > limitBytes) return { refusal: "too-large", details: { limitBytes } };
  const roomBytes = Math.max(0, budgetBytes - neededBytes);
  let takenBytes = residents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const take = (candidates: readonly Resident[]): readonly Resident[] => {
    const victims: Resident[] = [];
    for (const candidate of candidates) {
      if (takenBytes <= roomBytes) break;
      takenBytes -= candidate.sizeBytes;
      victims.push(candidate);
    }
    return victims;
  };
  const idle = residents.filter(({ isInUse }) => !isInUse);
  const ours = take(idle.filter(({ isOurs }) => isOurs).toSorted((a, b) => a.usedAtMs - b.usedAtMs));
  const foreign = take(idle.filter(({ isOurs }) => !isOurs).toSorted((a, b) => b.sizeBytes - a.sizeBytes));
  if (takenBytes <= roomBytes) return { ours, foreign };
  const models = residents.filter(({ isInUse }) => isInUse).map(({ model }) => model);
  return { refusal: "in-use", details: { limitBytes: budgetBytes, models } };
};
