import type { CandidateFacts, SituationFacts } from "./features.ts";
import { gap, tokenGap, tokenId, type Vocabulary } from "./vocabulary.ts";

const maxVotes = 48;
/** So many of the votes are looked at closely, of those that have this share of all weight. */
const maxRanked = 8;
const leastRankedShare = 0.006;
/** The weight of what was never seen. */
const unseenWeight = 0.5;
/** What a certain word of the standard text weighs. */
const standardWeight = 6;
/** What the first of the words in use weighs. */
const inUseWeight = 2;

/** A token that may come next; `typedUnits` of it are typed already. */
export type Vote = {
  token: number;
  typedUnits: number;
  weight: number;
  /** Its part of the weight that places gave. */
  placeWeight: number;
  count: number;
  ownCount: number;
  folderCount: number;
  longest: number;
  /** The most tokens of context that agree beyond an identifier that does not. */
  longestBeyond: number;
  /** Places whose word was translated. */
  translated: number;
  /** What the standard text gives it, 0..1, and with how much context. */
  standard: number;
  standardOrder: number;
  /** The file of the first place that spoke for it; 0: the text around the cursor. */
  file: number;
};

/** What a place says: the token's weight there, the context that agrees there, and where the place is. */
export type PlaceVote = {
  token: number;
  typedUnits: number;
  weight: number;
  length: number;
  beyond: number;
  file: number;
  isOwn: boolean;
  isNear: boolean;
  isTranslated: boolean;
};

/** The votes for the token that comes next. */
export type Ballot = {
  clear(): void;
  castPlace(place: PlaceVote): void;
  castStandard(token: number, typedUnits: number, chance: number, order: number): void;
  /** Notes what chance the standard text leaves for what it does not know. */
  leave(chance: number): void;
  /** A small vote; `rank` from 0. False when there is no room left. */
  castInUse(token: number, typedUnits: number, rank: number): boolean;
  /** The gap before the likeliest word; undefined: there is no word. */
  gapOfWords(): number | undefined;
  /** The most tokens of context that agree at a place that has voted. */
  longest(): number;
  /** The votes with most weight, the best first; valid until the next `clear`. */
  bests(): readonly Vote[];
  /** Describes the place in `facts`, before any of its votes is described. */
  describePlace(facts: SituationFacts): void;
  /** Describes one of the votes in `facts`. */
  describe(vote: Vote, facts: CandidateFacts): void;
};

/** The two greatest of some numbers. */
const createGreatest = () => {
  let first = 0;
  let second = 0;
  return {
    clear() {
      first = second = 0;
    },
    take(value: number) {
      if (value > first) [first, second] = [value, first];
      else if (value > second) second = value;
    },
    /** The greatest of the others. */
    besides: (value: number): number => (value < first ? first : second),
  };
};

export const createBallot = (vocabulary: Vocabulary): Ballot => {
  const votes: Vote[] = Array.from({ length: maxVotes }, () => ({
    token: 0,
    typedUnits: 0,
    weight: 0,
    placeWeight: 0,
    count: 0,
    ownCount: 0,
    folderCount: 0,
    longest: 0,
    longestBeyond: 0,
    translated: 0,
    standard: 0,
    standardOrder: 0,
    file: 0,
  }));
  let voteCount = 0;
  // In one object: fractions in variables of their own would cost memory with every vote.
  const total = { count: 0, weight: 0, placeWeight: 0 };
  let longest = 0;
  let hasStandard = false;
  let standardLeft = 0;
  const ranked: Vote[] = [];
  const [longests, beyonds, standards] = [createGreatest(), createGreatest(), createGreatest()];

  const voteFor = (token: number, typedUnits: number, file: number): Vote | undefined => {
    let at = 0;
    while (at < voteCount && (votes[at]!.token !== token || votes[at]!.typedUnits !== typedUnits)) at++;
    if (at === maxVotes) return undefined;
    const vote = votes[at]!;
    if (at === voteCount) {
      voteCount++;
      vote.token = token;
      vote.typedUnits = typedUnits;
      vote.file = file;
      vote.weight =
        vote.placeWeight =
        vote.count =
        vote.ownCount =
        vote.folderCount =
        vote.longest =
        vote.longestBeyond =
        vote.translated =
        vote.standard =
        vote.standardOrder =
          0;
    }
    return vote;
  };

  return {
    clear() {
      voteCount = total.count = total.weight = total.placeWeight = longest = standardLeft = 0;
      hasStandard = false;
    },
    castPlace({ token, typedUnits, weight, length, beyond, file, isOwn, isNear, isTranslated }) {
      total.weight += weight;
      total.placeWeight += weight;
      total.count++;
      if (length > longest) longest = length;
      const vote = voteFor(token, typedUnits, file);
      if (!vote) return;
      vote.weight += weight;
      vote.placeWeight += weight;
      vote.count++;
      if (isOwn) vote.ownCount++;
      if (isNear) vote.folderCount++;
      if (isTranslated) vote.translated++;
      if (length > vote.longest) vote.longest = length;
      if (beyond > vote.longestBeyond) vote.longestBeyond = beyond;
    },
    castStandard(token, typedUnits, chance, order) {
      const vote = voteFor(token, typedUnits, 0);
      if (!vote) return;
      const weight = standardWeight * chance;
      vote.weight += weight;
      total.weight += weight;
      vote.standard += chance;
      vote.standardOrder = Math.max(vote.standardOrder, order);
      hasStandard = true;
    },
    leave(chance) {
      if (hasStandard) standardLeft = Math.max(standardLeft, chance);
    },
    castInUse(token, typedUnits, rank) {
      const vote = voteFor(token, typedUnits, 0);
      if (!vote) return false;
      const weight = inUseWeight / (rank + 1);
      vote.weight += weight;
      total.weight += weight;
      return true;
    },
    gapOfWords() {
      let found: number | undefined;
      let most = 0;
      for (let i = 0; i < voteCount; i++) {
        const vote = votes[i]!;
        if (vote.weight <= most || !vocabulary.isWord(tokenId(vote.token))) continue;
        most = vote.weight;
        found = tokenGap(vote.token);
      }
      return found;
    },
    longest: () => longest,
    bests() {
      ranked.length = 0;
      for (let i = 0; i < voteCount; i++) {
        const vote = votes[i]!;
        if (vote.weight < total.weight * leastRankedShare) continue;
        let at = Math.min(ranked.length, maxRanked);
        while (at > 0 && ranked[at - 1]!.weight < vote.weight) {
          if (at < maxRanked) ranked[at] = ranked[at - 1]!;
          at--;
        }
        if (at < maxRanked) ranked[at] = vote;
      }
      return ranked;
    },
    describePlace(facts) {
      longests.clear();
      beyonds.clear();
      standards.clear();
      facts.placeRivals = 0;
      for (let i = 0; i < voteCount; i++) {
        const vote = votes[i]!;
        if (vote.count > 0) facts.placeRivals++;
        longests.take(vote.longest);
        beyonds.take(vote.longestBeyond);
        standards.take(vote.standard);
      }
      facts.totalCount = total.count;
      facts.longestOfAll = longest;
      facts.rivals = voteCount;
      facts.hasStandard = hasStandard;
      facts.standardLeft = standardLeft;
    },
    describe(vote, facts) {
      facts.share = vote.weight / (total.weight + unseenWeight);
      facts.placeShare = vote.placeWeight / (total.placeWeight + unseenWeight);
      facts.count = vote.count;
      facts.ownCount = vote.ownCount;
      facts.folderCount = vote.folderCount;
      facts.longest = vote.longest;
      facts.rivalLongest = longests.besides(vote.longest);
      facts.longestBeyond = vote.longestBeyond;
      facts.rivalLongestBeyond = beyonds.besides(vote.longestBeyond);
      facts.translatedCount = vote.translated;
      facts.standard = vote.standard;
      facts.rivalStandard = standards.besides(vote.standard);
      facts.standardOrder = vote.standardOrder;
      facts.hasGap = tokenGap(vote.token) !== gap.none;
    },
  };
};
