import type { Clock } from "./clock.ts";

/**
 * Asks once in `forMs`, however often and by how many it is called: they get the same answer, also while it is still on
 * its way. For answers that are dear. One that fails is remembered, too.
 */
export const remember = <T>(clock: Clock, forMs: number, ask: () => Promise<T>): (() => Promise<T>) => {
  let known: Promise<T> | undefined;
  return () => {
    if (known) return known;
    // A timer, not a comparison of times: who waits as long from here on finds it forgotten.
    clock.after(forMs, () => (known = undefined));
    return (known = ask());
  };
};
