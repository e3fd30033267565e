/** What was done to get an answer in spite of faults; all counted since the start. */
export type ResilienceCounters = {
  /** Requests that were sent again after a fault. */
  retries: number;
  /** Calls that got an answer in that way. */
  retriesSucceeded: number;
  /** Second requests that were sent because the first was slow. */
  hedges: number;
  /** Those of them whose answer was used. */
  hedgesWon: number;
  /**
   * What was charged for answers that nobody got, in US dollars, as far as servers tell: those that broke off and were
   * asked for again, and those that were slower than another. It comes on top of what the ledger counts.
   */
  unusedUsd: number;
  /** Calls that went on to the next server or model. */
  fallbacks: number;
};

/** All at 0. One is shared by everything that counts. */
export const createCounters = (): ResilienceCounters => ({
  retries: 0,
  retriesSucceeded: 0,
  hedges: 0,
  hedgesWon: 0,
  unusedUsd: 0,
  fallbacks: 0,
});
