import { advise, bestFit, type Advice, type AdviceOptions, type Purpose } from "./advice.ts";
import { catalog, type CatalogEntry } from "./catalog.ts";
import { withMeasured, type MeasuredSpeed } from "./measured.ts";
import type { ModelFacts } from "./modelFacts.ts";
import { factsFromRow, findModel, quantisations, type Quantisation } from "./models.ts";
import type { DeviceFacts, Speed } from "./speed.ts";

/** A model that a server on this machine has. */
export type InstalledModel = {
  /** As the server names it. */
  readonly id: string;
  /** Undefined: nothing tells what it needs. */
  readonly facts: ModelFacts | undefined;
  /** Whether it fills in the middle. */
  readonly fillsIn: boolean;
  readonly measured?: MeasuredSpeed;
};

/** How well a model suits this machine: fast enough; slow or short of memory; not at all. */
export type Suits = "well" | "poorly" | "not";

export type Recommendation<Installed extends InstalledModel = InstalledModel> = {
  readonly label: string;
  readonly facts: ModelFacts;
  readonly advice: Advice;
  readonly suits: Suits;
  /** Whether the speeds were measured here, and are not predicted. */
  readonly isMeasured: boolean;
  readonly installed?: Installed;
  /** A published model, and the quantisation that fits. */
  readonly entry?: CatalogEntry;
  readonly quantisation?: Quantisation;
};

/** From the quantisation that nearly every model is published in to the smallest. */
const versions = quantisations.slice(quantisations.indexOf("Q4_K_M"));

/** What a typist gets behind a key: so much is read that the prompt cache does not hold, and a line is written. */
const keyPromptTokens = 64;
const lineTokens = 24;
/** Ghost text that takes longer comes after the next key. */
const ghostTextSeconds = 0.6;
/** Slower answers are waited for, and so is a prompt of some files that is read more slowly. */
const chatTokensPerSecond = 20;
const chatPromptTokensPerSecond = 100;
/** What is left of a model in two bits is worth less than a smaller one in four. */
const poorQuantisation: Quantisation = "Q2_K";

const ghostTextTakes = ({ tokensPerSecond, promptTokensPerSecond }: Speed): number =>
  tokensPerSecond > 0 && promptTokensPerSecond > 0
    ? keyPromptTokens / promptTokensPerSecond + lineTokens / tokensPerSecond
    : 0;

/** A speed that nobody knows is no reason against a model. */
const isFast = (purpose: Purpose, speed: Speed): boolean => {
  if (speed.tokensPerSecond === 0) return true;
  if (purpose === "completion") return ghostTextTakes(speed) <= ghostTextSeconds;
  return speed.tokensPerSecond >= chatTokensPerSecond && speed.promptTokensPerSecond >= chatPromptTokensPerSecond;
};

const suitsFor = (purpose: Purpose, advice: Advice, quantisation?: Quantisation): Suits => {
  if (!advice.fits) return "not";
  const isGood = !advice.tight && quantisation !== poorQuantisation;
  return isGood && isFast(purpose, advice.speed) ? "well" : "poorly";
};

type Machine = { readonly device: DeviceFacts; readonly freeBytes?: number };

const optionsOf = (purpose: Purpose, { freeBytes }: Machine): AdviceOptions => ({
  purpose,
  ...(freeBytes === undefined ? {} : { freeBytes }),
});

const ofPublished = (entry: CatalogEntry, purpose: Purpose, machine: Machine): Recommendation<never> => {
  const { row, label } = entry;
  // gpt-oss is published in one quantisation of its own.
  const offered = row.name.startsWith("gpt-oss") ? (["MXFP4"] as const) : versions;
  const all = offered.map((quantisation) => ({ quantisation, facts: factsFromRow(row, quantisation) }));
  const options = optionsOf(purpose, machine);
  const best = bestFit(all, machine.device, options);
  const { quantisation, facts } = best?.version ?? all.at(-1)!;
  const advice = best?.advice ?? advise(facts, machine.device, options);
  const suits = suitsFor(purpose, advice, quantisation);
  return { label, facts, advice, suits, isMeasured: false, entry, quantisation };
};

const ofInstalled = <Installed extends InstalledModel>(
  installed: Installed,
  facts: ModelFacts,
  purpose: Purpose,
  machine: Machine,
): Recommendation<Installed> => {
  const { id, measured } = installed;
  const advice = withMeasured(advise(facts, machine.device, optionsOf(purpose, machine)), measured);
  const isMeasured = measured?.tokensPerSecond !== undefined;
  return { label: id, facts, advice, suits: suitsFor(purpose, advice), isMeasured, installed };
};

const order: readonly Suits[] = ["well", "poorly", "not"];

/**
 * Ranks models for a purpose on this machine: those that suit well by how able they are, then those that are slow or
 * short of memory, the fastest first, then those that do not fit, the smallest first. A model that is installed stands in
 * the place of its published form. `freeBytes`: what models can have of the device's memory now. Pure, and under 5 ms.
 */
export const recommend = <Installed extends InstalledModel>(
  purpose: Purpose,
  machine: Machine,
  installed: readonly Installed[] = [],
): Recommendation<Installed>[] => {
  const entries = catalog[purpose];
  const placeOf = (name: string): number => {
    const row = findModel(name);
    const place = entries.findIndex((entry) => entry.row === row);
    // Nobody knows how able it is: behind those of which somebody does.
    return place < 0 ? entries.length : place;
  };
  const here = installed.flatMap((model) => {
    if (!model.facts || (purpose === "completion" && !model.fillsIn)) return [];
    return [{ place: placeOf(model.id), item: ofInstalled(model, model.facts, purpose, machine) }];
  });
  const taken = new Set(here.map(({ place }) => place));
  const published = entries.flatMap((entry, place) =>
    taken.has(place) ? [] : [{ place, item: ofPublished(entry, purpose, machine) }],
  );
  const speedOf = ({ advice }: Recommendation) => (advice.fits ? advice.speed.tokensPerSecond : 0);
  return [...here, ...published]
    .toSorted((a, b) => {
      const suits = order.indexOf(a.item.suits) - order.indexOf(b.item.suits);
      if (suits !== 0) return suits;
      if (a.item.suits === "poorly") return speedOf(b.item) - speedOf(a.item);
      if (a.item.suits === "not") return a.item.facts.weightsBytes - b.item.facts.weightsBytes;
      return a.place - b.place;
    })
    .map(({ item }) => item);
};

/** The name to pull a published model by through Ollama: its library's for four bits, else a file of the repository. */
export const pullName = ({ ollama, repository }: CatalogEntry, quantisation: Quantisation): string =>
  quantisation === "Q4_K_M" || quantisation === "MXFP4" ? ollama : `hf.co/${repository}:${quantisation}`;
