import { languageOf } from "./languageOf.ts";
import { createPendingPrediction } from "./pendingPrediction.ts";

/** How often predictions of one language came true, and how often they were expected to. */
export type LanguageScore = {
  /** The files' extension, without its dot. */
  readonly language: string;
  /** Predictions that what was typed then has decided about. */
  readonly decided: number;
  readonly right: number;
  /** Mean confidence of the decided ones: close to `right / decided` where the confidence is honest. */
  readonly meanConfidence: number;
};

/** Compares predictions with what was typed then. */
export type Score = {
  /** To be told of the text before the cursor, whenever there is a question. */
  observe(path: string, prefix: string): void;
  /** `text` was predicted to follow `prefix`; the one before counts until it is decided. */
  expect(path: string, prefix: string, text: string, confidence: number): void;
  languages(): LanguageScore[];
};

const maxLanguages = 100;

export const createScore = (): Score => {
  const tallies = new Map<string, { decided: number; right: number; confidence: number }>();
  const pending = createPendingPrediction();

  const decide = (path: string, isRight: boolean, confidence: number): void => {
    const language = languageOf(path);
    const tally = tallies.get(language) ?? { decided: 0, right: 0, confidence: 0 };
    if (tally.decided === 0 && tallies.size >= maxLanguages) return;
    tally.decided++;
    tally.right += isRight ? 1 : 0;
    tally.confidence += confidence;
    tallies.set(language, tally);
  };

  return {
    observe(path, prefix) {
      const outcome = pending.observe(path, prefix);
      if (outcome) decide(path, outcome.isRight, outcome.chance);
    },
    expect: (...prediction) => pending.expect(...prediction),
    languages: () =>
      [...tallies]
        .map(([language, { decided, right, confidence }]) => ({
          language,
          decided,
          right,
          meanConfidence: confidence / decided,
        }))
        .toSorted((a, b) => b.decided - a.decided),
  };
};
