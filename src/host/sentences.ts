import { isAbortError } from "../base/abort.ts";
import { ProviderError, type ProviderErrorKind } from "../provider/provider.ts";
import type { SettingProblem } from "./settingsSchema.ts";

/** Translates a message with `{0}` places; `vscode.l10n.t` in the program. */
export type Translate = (message: string, ...values: string[]) => string;

/** One sentence for a fault in talking to a model server: what is wrong and what to do next. */
export const faultSentence = (kind: ProviderErrorKind | "unknown", server: string, t: Translate): string => {
  switch (kind) {
    case "unreachable":
      return t("No model server answers at {0}. Start it, or correct the address in the settings.", server);
    case "unauthorized":
      return t("The model server at {0} refused the API key. Set the right one with 'Hotpath: Set API key'.", server);
    case "payment-required":
      return t("The account at {0} has no credit left for this. Add credit, or choose another model.", server);
    case "rate-limited":
      return t("The model server at {0} asks for a pause. Hotpath tries again in half a minute.", server);
    case "model-not-found":
      return t("The model server at {0} does not have the model that is set. Choose another in the settings.", server);
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

/** One sentence for a setting that cannot be used. */
export const settingSentence = (problem: SettingProblem, t: Translate): string => {
  switch (problem.kind) {
    case "unknown-provider":
      return t(
        "'{0}' is no provider that Hotpath knows for {1}. Use 'llamacpp', 'ollama', 'openai-compatible' or 'openrouter'.",
        problem.value,
        problem.setting,
      );
    case "bad-url":
      return t("{0} is not an address that starts with http:// or https:// and holds no password.", problem.setting);
    case "wrong-type":
      return problem.expected === "text"
        ? t("{0} must be text.", problem.setting)
        : t("{0} must be true or false.", problem.setting);
  }
};

/** The kind of a fault, for {@link faultSentence}; undefined when it was only a cancellation. */
export const faultKind = (error: unknown): ProviderErrorKind | "unknown" | undefined => {
  if (isAbortError(error)) return undefined;
  return error instanceof ProviderError ? error.kind : "unknown";
};
