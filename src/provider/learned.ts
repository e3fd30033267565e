import { isGone } from "./errors.ts";

/** What a wire format has learned of its server. */
export type Learned<Facts> = {
  /** Undefined: to be asked for. */
  facts: Facts | undefined;
  /** Forgets everything when the fault means that the server may come back as another one. */
  noteFault(error: unknown): void;
  /** The same stream, with its faults noted. */
  watch<Part>(stream: AsyncIterable<Part>): AsyncGenerator<Part>;
};

/** `onGone` forgets what is kept elsewhere. */
export const createLearned = <Facts>(onGone: () => void = () => {}): Learned<Facts> => {
  const learned: Learned<Facts> = {
    facts: undefined,
    noteFault(error) {
      if (!isGone(error)) return;
      learned.facts = undefined;
      onGone();
    },
    async *watch(stream) {
      try {
        yield* stream;
      } catch (error) {
        learned.noteFault(error);
        throw error;
      }
    },
  };
  return learned;
};
