import type { Clock } from "../base/clock.ts";
import type { ProviderError } from "./provider.ts";

/** What is known about paying at one origin; shared by all models there, because the key is bound to the origin. */
export type Account = {
  /** The fault that says that nothing is left to spend; undefined: nothing speaks against sending. */
  refusal(): ProviderError | undefined;
  /** A request was refused for lack of credit. */
  refused(error: ProviderError): void;
  /** A request was answered, or the key is another one: ask again. */
  renewed(): void;
};

/** Credit is bought in a browser, which nobody tells us about; asking now and then costs nothing. */
const refusedMs = 600_000;

/** Makes an account that nothing speaks against. Sets no timers. */
export const createAccount = (clock: Clock): Account => {
  let refusal: { readonly error: ProviderError; readonly untilMs: number } | undefined;
  return {
    refusal: () => (refusal && clock.nowMs() < refusal.untilMs ? refusal.error : undefined),
    refused(error) {
      refusal = { error, untilMs: clock.nowMs() + refusedMs };
    },
    renewed() {
      refusal = undefined;
    },
  };
};
