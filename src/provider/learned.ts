import { isGone } from "./errors.ts";
import type { ModelInfo } from "./provider.ts";

/** What a list of models can contradict. */
type Comparable = { readonly model: string; readonly contextTokens: number | undefined };

/** What a wire format has learned of its server. */
export type Learned<Facts extends Comparable> = {
  /** Undefined: to be asked for. */
  facts: Facts | undefined;
  /** Forgets everything when the fault means that the server may come back as another one. */
  noteFault(error: unknown): void;
  /** Forgets the facts when a newer list tells another context: the model was loaded anew. */
  compare(models: readonly ModelInfo[]): void;
  /** The same stream, with its faults noted. */
  watch<Part>(stream: AsyncIterable<Part>): AsyncGenerator<Part>;
};

/** `onGone` forgets what is kept elsewhere. */
export const createLearned = <Facts extends Comparable>(onGone: () => void = () => {}): Learned<Facts> => {
  const learned: Learned<Facts> = {
    facts: undefined,
    noteFault(error) {
      if (!isGone(error)) return;
      learned.facts = undefined;
      onGone();
    },
    compare(models) {
      const now = models.find(({ id }) => id === learned.facts?.model)?.contextTokens;
      if (now !== undefined && now !== learned.facts?.contextTokens) learned.facts = undefined;
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
