/** A model that lies in a server's memory. */
export type LoadedModel = {
  /** The name that requests use. */
  readonly model: string;
  /** What it takes, context included, on all devices. */
  readonly sizeBytes: number;
  /** What of it lies in graphics memory; undefined: not known. */
  readonly graphicsBytes?: number;
  readonly contextTokens?: number;
  /** When the server unloads it if nobody asks for it, milliseconds since 1970; undefined: it does not tell. */
  readonly expiresAtMs?: number;
  /** Whether the server says that it works on a request, whoever sent it. */
  readonly isBusy?: boolean;
  /** What its process was started with, where the server tells. */
  readonly args?: readonly string[];
};

/** What residency needs of a model server; each function rejects as the server's provider does. */
export type ModelServer = {
  readonly origin: string;
  /** Whether {@link LoadedModel.expiresAtMs} tells of the last use by anybody. Without it nothing is unloaded by time. */
  readonly tellsLastUse?: boolean;
  loaded(signal: AbortSignal): Promise<readonly LoadedModel[]>;
  /** What the model's process is started with, where the server tells it beforehand. */
  argsFor?(model: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** Resolves when the model is loaded. */
  load(model: string, signal: AbortSignal): Promise<void>;
  /** Resolves when the server has agreed; the memory may come back later. */
  unload(model: string, signal: AbortSignal): Promise<void>;
};

/**
 * Why a model is not loaded: it is larger than the limit, the models that would have to go are in use, or somebody
 * else's, or the memory did not come back.
 */
export type ResidencyErrorKind = "too-large" | "in-use" | "not-ours" | "not-freed";

export type ResidencyErrorDetails = {
  readonly neededBytes: number;
  readonly limitBytes?: number;
  /** The models that stand in the way. */
  readonly models?: readonly string[];
};

const reasons: Record<ResidencyErrorKind, string> = {
  "too-large": "The model needs more memory than models may take",
  "in-use": "The models that would have to be unloaded are in use",
  "not-ours": "The models that would have to be unloaded were loaded by somebody else",
  "not-freed": "The memory of unloaded models did not come back in time",
};

/** A model was not loaded, with the reason and the figures for a sentence. */
export class ResidencyError extends Error {
  readonly kind: ResidencyErrorKind;
  readonly details: ResidencyErrorDetails;

  constructor(kind: ResidencyErrorKind, details: ResidencyErrorDetails) {
    super(reasons[kind]);
    this.name = "ResidencyError";
    this.kind = kind;
    this.details = details;
  }
}
