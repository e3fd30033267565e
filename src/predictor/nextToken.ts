import type { Ballot, Vote } from "./ballot.ts";
import {
  candidateCount,
  candidateFeatures,
  createCandidate,
  createSituation,
  situationCount,
  situationFeatures,
} from "./features.ts";
import { createSums, scoreOf, sumPlace } from "./ranking.ts";
import type { Surroundings } from "./surroundings.ts";
import { breakKind, isBreak, tokenId, type Vocabulary } from "./vocabulary.ts";

/** A token that was weighed: what its place and itself are like, and the text from the cursor up to and with it. */
export type WeighedToken = { readonly place: Float64Array; readonly features: Float64Array; readonly text: string };

/** Told of all tokens that are weighed at a step; returns the text to go on with, or undefined to end. */
export type OnStep = (tokens: readonly WeighedToken[]) => string | undefined;

/** A token, the chance that it comes next, and the text with it. */
export type Choice = { readonly vote: Vote; readonly chance: number; readonly text: string };

/** Chooses among the tokens that have votes. */
export type NextToken = {
  /**
   * Describes the place. `typed` goes before the cursor: it may be the beginning of the next token, or, as `typedToken`, all
   * of the last one. `isTopLevel`: the line stands at the margin.
   */
  begin(typed: string, typedToken: number, isFirst: boolean, isTopLevel: boolean): void;
  /** The likeliest token; `textWith` puts the text with it together, and tells where that cannot be done. */
  choose(textWith: (vote: Vote) => string | undefined): Choice | undefined;
};

/** @param onStep chooses in place of the coefficients, for those who fit them. */
export const createNextToken = (
  vocabulary: Vocabulary,
  ballot: Ballot,
  surroundings: Surroundings,
  onStep?: OnStep,
): NextToken => {
  const situation = createSituation();
  const candidate = createCandidate();
  /** The features of the place and their sums: where the next token begins, and where the typed one does. */
  const place = { features: new Float64Array(situationCount), sums: createSums() };
  const typedPlace = { features: new Float64Array(situationCount), sums: createSums() };
  const features = new Float64Array(candidateCount);
  const scores: number[] = [];
  let typedToken = 0;

  const placeOf = ({ typedUnits }: Vote) => (typedUnits > 0 ? typedPlace : place);

  /** Writes the features of a vote's token. */
  const describe = (vote: Vote): void => {
    const { token, typedUnits } = vote;
    const word = vocabulary.textOf(tokenId(token));
    candidate.isBreak = isBreak(token);
    if (candidate.isBreak) {
      const { turn, isBlank } = breakKind(token);
      candidate.turn = turn;
      candidate.isBlank = isBlank;
    }
    candidate.isWord = vocabulary.isWord(tokenId(token));
    candidate.units = word.length - typedUnits;
    ballot.describe(vote, candidate);
    surroundings.describe(token, typedUnits > 0 ? 0 : typedToken, candidate);
    situation.typedUnits = typedUnits;
    candidateFeatures(situation, candidate, features);
  };

  /** Goes where those want who learn from it. */
  const follow = (wanted: OnStep, textWith: (vote: Vote) => string | undefined): Choice | undefined => {
    const tokens = ballot.bests().flatMap((vote) => {
      const text = textWith(vote);
      if (text === undefined) return [];
      describe(vote);
      return [{ place: placeOf(vote).features.slice(), features: features.slice(), text, vote, chance: 1 }];
    });
    const text = wanted(tokens);
    return tokens.find((token) => token.text === text);
  };

  return {
    begin(typed, ofTyped, isFirst, isTopLevel) {
      typedToken = ofTyped;
      ballot.describePlace(situation);
      situation.isFirst = isFirst;
      situation.isTopLevel = isTopLevel;
      situation.typedUnits = 0;
      surroundings.describePlace(typedToken, situation);
      situationFeatures(situation, place.features);
      sumPlace(place.features, place.sums);
      if (typedToken === 0) return;
      situation.typedUnits = typed.length;
      surroundings.describePlace(0, situation);
      situationFeatures(situation, typedPlace.features);
      sumPlace(typedPlace.features, typedPlace.sums);
    },
    choose(textWith) {
      if (onStep) return follow(onStep, textWith);
      const votes = ballot.bests();
      scores.length = 0;
      // What nobody proposes may come, too.
      let all = 1;
      for (const vote of votes) {
        describe(vote);
        const score = Math.exp(scoreOf(placeOf(vote).sums, features));
        scores.push(score);
        all += score;
      }
      for (let tries = 0; tries < votes.length; tries++) {
        let best = 0;
        for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
        const vote = votes[best]!;
        const text = textWith(vote);
        if (text !== undefined) return { vote, chance: scores[best]! / all, text };
        // It cannot come here.
        all -= scores[best]!;
        scores[best] = -1;
      }
      return undefined;
    },
  };
};
