import { createHash } from "node:crypto";

/** Ties what a person was shown to what is done afterwards: both are separate calls of VS Code's. */
export type Confirmations = {
  /** A person is being asked about this input; `shown` stands for everything that would happen. */
  ask(input: unknown, shown: string): void;
  /**
   * Whether exactly this was shown for this input, once for each time that it was. False also where the same input was
   * shown with different effects: nobody can tell which of them was agreed to.
   */
  take(input: unknown, effect: string): boolean;
};

/** Questions that nobody answered are forgotten beyond this. */
const maxOpen = 50;

const digest = (text: string): string => createHash("sha256").update(text).digest("base64");

const keyOf = (input: unknown): string => digest(JSON.stringify(input));

/** For one tool. */
export const createConfirmations = (): Confirmations => {
  const open = new Map<string, string[]>();
  return {
    ask(input, shown) {
      const key = keyOf(input);
      const earlier = open.get(key) ?? [];
      open.delete(key);
      open.set(key, [...earlier.slice(-maxOpen), digest(shown)]);
      for (const oldest of open.keys()) {
        if (open.size <= maxOpen) break;
        open.delete(oldest);
      }
    },
    take(input, effect) {
      const key = keyOf(input);
      const [first, ...rest] = open.get(key) ?? [];
      open.delete(key);
      if (first === undefined || first !== digest(effect) || rest.some((other) => other !== first)) return false;
      if (rest.length > 0) open.set(key, rest);
      return true;
    },
  };
};
