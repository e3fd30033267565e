import type { Clock } from "../base/clock.ts";
import type { PredictionSource, PredictorService } from "../predictor/predictorService.ts";
import type { PredictorFeed } from "./predictorFeed.ts";
import type { PredictorLaunchOptions } from "./predictorLaunch.ts";
import { startPredictorFeed } from "./predictorStart.ts";

export type PredictorServices = PredictorLaunchOptions & { readonly clock: Clock };

/** The embedded predictor, in its worker, while the settings want it. */
export type Predictor = {
  readonly feed: PredictorFeed;
  /** Undefined where the settings do not want it or it cannot be started: ghost text goes on with the model alone. */
  source(): Promise<PredictionSource | undefined>;
  stop(): Promise<void>;
  /** The settings are others now: one that cannot follow them is stopped. */
  settingsChanged(): Promise<void>;
};

/** The worker is started by the first sign that somebody edits, or by the first question. */
export const composePredictor = (services: PredictorServices): Predictor => {
  const { disposables, clock, log, settings, statusBar } = services;
  let running: Promise<PredictorService> | undefined;
  const launch = async () => {
    const { launchPredictor } = await import("./predictorLaunch.ts");
    return launchPredictor(services, () => feed.relearn());
  };
  const predictor = () =>
    (running ??= launch().catch((error: unknown) => {
      // So that the next one who needs it tries anew.
      running = undefined;
      throw error;
    }));
  const isWanted = () => settings().predictorEnabled;
  const feed = disposables.add(
    startPredictorFeed({
      log,
      isWanted,
      async load() {
        const { registerPredictorFeed } = await import("./predictorFeed.ts");
        return registerPredictorFeed({ predictor, clock, log, isWanted });
      },
    }),
  );
  const stop = async () => {
    const stopping = running;
    running = undefined;
    feed.stop();
    statusBar.setLearning(undefined);
    const service = await stopping?.catch(() => undefined);
    if (!service) return;
    disposables.remove(service);
    await service.dispose();
  };
  /** What a running one was started with and cannot change. */
  const options = () => [settings().predictorMaxBytes, settings().predictorIndexesOnBattery].join();
  let usedOptions = options();
  /** Whichever runs: while one that was stopped saves what it knows, another may have taken its place. */
  const source: PredictionSource = {
    predict: async (request, signal) => (await running)?.predict(request, signal),
    feedback: (outcome) => void running?.then((service) => service.feedback?.(outcome)).catch(() => {}),
  };
  return {
    feed,
    async source() {
      if (!isWanted()) return undefined;
      try {
        await predictor();
        return source;
      } catch (error) {
        log.error(`The predictor could not be started: ${String(error)}`);
        return undefined;
      }
    },
    stop,
    async settingsChanged() {
      const isAnother = options() !== usedOptions;
      usedOptions = options();
      if (!isWanted() || isAnother) await stop();
      else (await running?.catch(() => undefined))?.setConfidence(settings().predictorConfidence);
    },
  };
};
