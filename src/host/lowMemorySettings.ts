import type { Settings } from "./settingsSchema.ts";

/** Room for about 3 MB of source. */
const predictorMaxBytes = 64 * 2 ** 20;
const connectionsPerServer = 8;

/** The settings as they are followed while memory is low: never more than they allow. */
export const withLessMemory = (settings: Settings): Settings => ({
  ...settings,
  predictorMaxBytes: Math.min(settings.predictorMaxBytes, predictorMaxBytes),
  connectionsPerServer: Math.min(settings.connectionsPerServer, connectionsPerServer),
  relatedFiles: false,
});

/** Requests that the report can show. */
export const requestsKept = (isLow: boolean): number => (isLow ? 100 : 500);
