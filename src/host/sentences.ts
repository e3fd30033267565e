import { isAbortError } from "../base/abort.ts";
import { inNotice } from "../base/notice.ts";
import type { Translate } from "../base/translate.ts";
import { ProviderError, type ProviderErrorKind } from "../provider/provider.ts";
import type { SettingProblem } from "./settingsReader.ts";

/** Times of day as the person reads them. */
export type ClockTime = (dateMs: number) => string;

/**
 * One or two sentences for a fault in talking to a model server: what is wrong and what to do next. `until`: when a
 * pause that the server asked for ends, as a time of day. `model`: the one that was asked for, where it is known.
 */
export const faultSentence = (
  kind: ProviderErrorKind | "unknown",
  server: string,
  t: Translate,
  until?: string,
  model = "",
): string => {
  switch (kind) {
    case "unreachable":
      return t("No model server answers at {0}. Start it, or correct the address in the settings.", server);
    case "offline":
      return t("The address of {0} was not found. This machine may be offline; Hotpath tries again by itself.", server);
    case "certificate":
      return t(
        "The certificate of {0} is not trusted. Add its authority to the system's certificates and leave 'http.systemCertificates' on.",
        server,
      );
    case "proxy":
      return t("A proxy stands in the way to {0}. Check 'http.proxy' and the sign-in it wants.", server);
    case "moderated":
      return t("The model server at {0} refused this text by its own rules. Other requests go on.", server);
    case "paused":
      return until === undefined
        ? t("The model server at {0} failed several times, so Hotpath leaves it alone for a while.", server)
        : t("Hotpath leaves the model server at {0} alone until {1}.", server, until);
    case "unauthorized":
      return t(
        "The model server at {0} refused the API key, or wants one. Set it with 'Hotpath: Set API key'.",
        server,
      );
    case "payment-required":
      return t("The account at {0} has no credit left for this. Add credit, or choose another model.", server);
    case "rate-limited":
      return until === undefined
        ? t("The model server at {0} asks for a pause. Hotpath tries again in half a minute.", server)
        : t("The model server at {0} asks for a pause until {1}.", server, until);
    case "model-not-found":
      return model === ""
        ? t("The model server at {0} does not have the model that is set. Choose another.", server)
        : t("The model server at {0} does not have the model '{1}'. Choose another, or load it there.", server, model);
    case "context-overflow":
      return t("The text is longer than the model at {0} can read. Give the server a larger context.", server);
    case "bad-request":
      return t(
        "The model server at {0} cannot be used as it is set. Check its address and model in the settings.",
        server,
      );
    case "bad-response":
      return t(
        "What answers at {0} is not a model server of this kind. Check the address and provider in the settings.",
        server,
      );
    case "server-error":
      return t("The model server at {0} reported a fault of its own. Look at its log.", server);
    case "truncated":
      return t("The model server at {0} broke off in the middle of its answer. Look at its log.", server);
    case "timeout":
      return t("The model server at {0} took too long. It may be short of memory: try a smaller model.", server);
    case "loading":
      return t("The model server at {0} is still loading its model. Hotpath asks again in a while.", server);
    case "unsupported":
      return t("The model at {0} cannot fill in code at the cursor. Choose a model made for code completion.", server);
    case "unknown":
      return t("Something unexpected happened while talking to {0}. 'Hotpath: Show log' tells more.", server);
  }
};

// A shorter pause is over before anybody has read when it ends.
const minToldPauseMs = 60_000;

/** When the pause that a fault asks for ends, as a time of day; undefined: soon, or nobody said. */
export const pauseEnd = (error: unknown, nowDateMs: number, clockTime: ClockTime): string | undefined => {
  const pauseMs = error instanceof ProviderError ? error.retryAfterMs : undefined;
  return pauseMs === undefined || pauseMs < minToldPauseMs ? undefined : clockTime(nowDateMs + pauseMs);
};

/** One sentence for a setting that cannot be used. */
export const settingSentence = (problem: SettingProblem, t: Translate): string => {
  switch (problem.kind) {
    case "unknown-provider":
      return t(
        "'{0}' is no provider that Hotpath knows for {1}. Use 'llamacpp', 'ollama', 'openai-compatible' or 'openrouter'.",
        inNotice(problem.value),
        problem.setting,
      );
    case "bad-url":
      return t(
        "{0} is not an address that starts with http:// or https:// and holds no password, ? or #.",
        problem.setting,
      );
    case "unknown-value":
      return t(
        "'{0}' is nothing that {1} can be. Use one of {2}.",
        inNotice(problem.value),
        problem.setting,
        problem.allowed,
      );
    case "out-of-range":
      return t(
        "{0} must be between {1} and {2}. The nearest is used.",
        problem.setting,
        String(problem.min),
        String(problem.max),
      );
    case "wrong-type":
      return wrongTypeSentence(problem.setting, problem.expected, t);
  }
};

const wrongTypeSentence = (
  setting: string,
  expected: Extract<SettingProblem, { kind: "wrong-type" }>["expected"],
  t: Translate,
): string => {
  switch (expected) {
    case "text":
      return t("{0} must be text.", setting);
    case "true or false":
      return t("{0} must be true or false.", setting);
    case "a list":
      return t("{0} must be a list.", setting);
    case "a number":
      return t("{0} must be a number.", setting);
    case "an object":
      return t("{0} must hold a provider, an address and a model.", setting);
  }
};

/** The kind of a fault, for {@link faultSentence}; undefined when it was only a cancellation. */
export const faultKind = (error: unknown): ProviderErrorKind | "unknown" | undefined => {
  if (isAbortError(error)) return undefined;
  return error instanceof ProviderError ? error.kind : "unknown";
};
