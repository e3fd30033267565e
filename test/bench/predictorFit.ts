// Fits the coefficients that src/predictor/coefficients.ts holds: those of a network with one hidden layer that tells
// which of the tokens that are proposed for a place comes next, or that none does.
import { candidateCount, situationCount } from "../../src/predictor/features.ts";
import type { WeighedToken } from "../../src/predictor/nextToken.ts";
import { createPredictor } from "../../src/predictor/predictor.ts";
import { createRandom, cursorsOf, pausesOf, readSources, type Source } from "./predictorSources.ts";

/** Numbers that are added one by one. */
const createColumn = <Numbers extends Float32Array | Uint32Array | Uint8Array>(make: (size: number) => Numbers) => {
  let numbers = make(1024);
  let count = 0;
  return {
    push(value: number) {
      if (count === numbers.length) {
        const larger = make(count * 2);
        larger.set(numbers);
        numbers = larger;
      }
      numbers[count++] = value;
    },
    count: () => count,
    numbers: () => numbers,
  };
};

/** Steps with their tokens; of features, which are numbered with the place's first, only those that are not 0. */
export const createSteps = () => {
  const features = createColumn((size) => new Uint8Array(size));
  const values = createColumn((size) => new Float32Array(size));
  const rows = createColumn((size) => new Uint32Array(size));
  const tokenRows = createColumn((size) => new Uint32Array(size));
  const placeRows = createColumn((size) => new Uint32Array(size));
  const isRight = createColumn((size) => new Uint8Array(size));
  const steps = createColumn((size) => new Uint32Array(size));
  rows.push(0);
  steps.push(0);
  const addRow = (row: Float64Array, from: number): number => {
    for (const [i, value] of row.entries()) {
      if (value === 0) continue;
      features.push(from + i);
      values.push(value);
    }
    rows.push(features.count());
    return rows.count() - 2;
  };
  return {
    columns: { features, values, rows, tokenRows, placeRows, isRight, steps },
    add(tokens: readonly WeighedToken[], rest: string) {
      const places = new Map<string, number>();
      for (const { place, features: row, text } of tokens) {
        const key = place.join();
        const known = places.get(key) ?? addRow(place, 0);
        places.set(key, known);
        placeRows.push(known);
        tokenRows.push(addRow(row, situationCount));
        isRight.push(Number(rest.startsWith(text)));
      }
      steps.push(tokenRows.count());
    },
  };
};
export type Steps = ReturnType<typeof createSteps>;

/** Sizes of the workspaces in which each folder is taken; that of one file alone is what every new folder begins with. */
const workspaces = [
  { maxUnits: 0, every: 1, held: 16, hasStandard: true },
  { maxUnits: 0, every: 1, held: 6, hasStandard: false },
  { maxUnits: 15_000, every: 2, held: 4, hasStandard: true },
  { maxUnits: 60_000, every: 3, held: 6, hasStandard: true },
  { maxUnits: 60_000, every: 3, held: 3, hasStandard: false },
  { maxUnits: 3_000_000, every: 10, held: 12, hasStandard: true },
];
const maxPausesPerFile = 60;
const maxCursorsPerFile = 40;
const maxStepsPerPlace = 6;
const leastUnits = 1500;

const spread = <Item>(items: readonly Item[], most: number): Item[] =>
  items.filter((_, i) => Math.floor((i * most) / items.length) !== Math.floor(((i - 1) * most) / items.length));

/** Adds the steps that lead to the held-out lines of a folder. */
export const collect = (steps: Steps, root: string, end: string): void => {
  const all = readSources(root, end);
  for (const { maxUnits, every, held: most, hasStandard } of workspaces) {
    let units = 0;
    const sources = all.filter(({ text }) => (units += text.length) < maxUnits);
    const pool = maxUnits > 0 ? sources.filter((_, i) => i % every === every - 1) : all;
    const held = spread(
      pool.filter(({ text }) => text.length > leastUnits),
      most,
    );
    let rest = "";
    let left = 0;
    const predictor = createPredictor({
      ...(hasStandard ? {} : { standardFolder: null }),
      onStep(tokens) {
        steps.add(tokens, rest);
        // It goes on with what is right, whether it would have been chosen or not.
        const right = tokens.filter(({ text }) => rest.startsWith(text)).map(({ text }) => text);
        return left-- > 0 ? right.toSorted((a, b) => b.length - a.length)[0] : undefined;
      },
    });
    const isHeld = (source: Source): boolean => held.includes(source);
    for (const source of sources) if (!isHeld(source)) predictor.index(source.name, source.text);
    const random = createRandom();
    let cursors = 0;
    for (const { name, text } of held) {
      for (const cursor of spread([...cursorsOf(text, random)], maxCursorsPerFile)) {
        [rest, left] = [`${cursor.rest}\n`, maxStepsPerPlace];
        predictor.predict(name, cursor.prefix, cursors++ % 2 === 0 ? cursor.suffix : "");
      }
      for (const place of spread([...pausesOf(text, random)], maxPausesPerFile)) {
        [rest, left] = [text.slice(place, place + 400), maxStepsPerPlace];
        // Behind the place a stretch is not written yet.
        const below = text.indexOf("\n", place + 600);
        predictor.propose(name, text.slice(0, place), below < 0 ? "" : text.slice(below), 0);
      }
    }
  }
};

export const hiddenCount = 16;
const epochs = 8;
const stepsPerBatch = 512;
const learningRate = 0.004;
const decay = 1e-5;
const maxTokens = 32;

/**
 * Trains by Adam, with a rate that falls to nothing. The coefficients come as src/predictor/ranking.ts reads them: for each
 * feature its weights to the hidden units and the direct one, then what the units count for.
 */
export const train = (
  { columns }: Steps,
  hidden: number,
  log: (line: string) => void,
  passes = epochs,
): Float64Array => {
  const random = createRandom();
  const stride = hidden + 1;
  const featureCount = situationCount + candidateCount;
  const outFrom = featureCount * stride;
  const [features, values, rows] = [columns.features.numbers(), columns.values.numbers(), columns.rows.numbers()];
  const [tokenRows, placeRows] = [columns.tokenRows.numbers(), columns.placeRows.numbers()];
  const [isRight, starts] = [columns.isRight.numbers(), columns.steps.numbers()];
  const stepCount = columns.steps.count() - 1;
  const weights = Float64Array.from({ length: outFrom + hidden }, (_, at) =>
    at < outFrom && at % stride === hidden ? 0 : (random() - 0.5) * 0.4,
  );
  const slopes = new Float64Array(weights.length);
  const means = new Float64Array(weights.length);
  const squares = new Float64Array(weights.length);
  const sums = new Float64Array(maxTokens * stride);
  const chances = new Float64Array(maxTokens);
  const placeSlopes = new Float64Array(stride);
  const tokenSlopes = new Float64Array(stride);
  const addRow = (row: number, to: number): void => {
    for (let at = rows[row]!; at < rows[row + 1]!; at++) {
      const from = features[at]! * stride;
      const value = values[at]!;
      for (let k = 0; k < stride; k++) sums[to + k]! += value * weights[from + k]!;
    }
  };
  const addSlopes = (row: number, of: Float64Array): void => {
    for (let at = rows[row]!; at < rows[row + 1]!; at++) {
      const to = features[at]! * stride;
      const value = values[at]!;
      for (let k = 0; k < stride; k++) slopes[to + k]! += value * of[k]!;
    }
  };

  /** Takes in one step; returns how surprising it was. */
  const learn = (step: number): number => {
    const [from, to] = [starts[step]!, Math.min(starts[step + 1]!, starts[step]! + maxTokens)];
    let all = 1;
    let right = 0;
    for (let token = from; token < to; token++) {
      const sum = (token - from) * stride;
      sums.fill(0, sum, sum + stride);
      addRow(placeRows[token]!, sum);
      addRow(tokenRows[token]!, sum);
      let score = sums[sum + hidden]!;
      for (let k = 0; k < hidden; k++) if (sums[sum + k]! > 0) score += sums[sum + k]! * weights[outFrom + k]!;
      const chance = Math.exp(Math.max(-30, Math.min(30, score)));
      chances[token - from] = chance;
      all += chance;
      if (isRight[token]) right += chance;
    }
    for (let token = from; token < to; token++) {
      const sum = (token - from) * stride;
      const chance = chances[token - from]!;
      const slope = chance / all - (isRight[token] ? chance / right : 0);
      for (let k = 0; k < hidden; k++) {
        const value = sums[sum + k]!;
        tokenSlopes[k] = value > 0 ? slope * weights[outFrom + k]! : 0;
        if (value > 0) slopes[outFrom + k]! += slope * value;
      }
      tokenSlopes[hidden] = slope;
      addSlopes(tokenRows[token]!, tokenSlopes);
      for (let k = 0; k < stride; k++) placeSlopes[k]! += tokenSlopes[k]!;
      if (token + 1 === to || placeRows[token + 1] !== placeRows[token]) {
        addSlopes(placeRows[token]!, placeSlopes);
        placeSlopes.fill(0);
      }
    }
    return -Math.log((right > 0 ? right : 1) / all);
  };

  const order = Uint32Array.from({ length: stepCount }, (_, n) => n);
  const updates = passes * Math.ceil(stepCount / stepsPerBatch);
  let update = 0;
  for (let pass = 0; pass < passes; pass++) {
    for (let n = order.length - 1; n > 0; n--) {
      const other = Math.floor(random() * n);
      [order[n], order[other]] = [order[other]!, order[n]!];
    }
    let loss = 0;
    for (let from = 0; from < stepCount; from += stepsPerBatch) {
      slopes.fill(0);
      const to = Math.min(stepCount, from + stepsPerBatch);
      for (let n = from; n < to; n++) loss += learn(order[n]!);
      update++;
      const rate = learningRate * (1 - update / updates) + 1e-5;
      for (let i = 0; i < weights.length; i++) {
        const slope = slopes[i]! / (to - from) + decay * weights[i]!;
        means[i] = 0.9 * means[i]! + 0.1 * slope;
        squares[i] = 0.999 * squares[i]! + 0.001 * slope * slope;
        const mean = means[i]! / (1 - 0.9 ** update);
        weights[i]! -= (rate * mean) / (Math.sqrt(squares[i]! / (1 - 0.999 ** update)) + 1e-8);
      }
    }
    log(`pass ${pass + 1} of ${passes}: ${(loss / stepCount).toFixed(4)} nats a step`);
  }
  return weights;
};

/** The coefficients for folders, each followed by the ending of the files that are taken. */
export const fit = (folders: readonly string[], log: (line: string) => void): number[] => {
  const steps = createSteps();
  for (let at = 0; at + 1 < folders.length; at += 2) collect(steps, folders[at]!, folders[at + 1]!);
  log(`${steps.columns.steps.count() - 1} steps`);
  return Array.from(train(steps, hiddenCount, log), (weight) => Number(weight.toFixed(3)));
};
