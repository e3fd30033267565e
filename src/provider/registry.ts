import { lazy } from "../base/lazy.ts";
import type { Provider, ProviderKind, ProviderOptions, ProviderServices } from "./provider.ts";

const llamaCpp = lazy(() => import("./llamaCpp.ts"));
const ollama = lazy(() => import("./ollama.ts"));
const openAiCompatible = lazy(() => import("./openAiCompatible.ts"));
const openRouter = lazy(() => import("./openRouter.ts"));

/**
 * Makes a provider and loads its wire format on the way. Asks the server nothing yet.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used; its message is for a person.
 */
export const createProvider = async (
  kind: ProviderKind,
  options: ProviderOptions,
  services: ProviderServices,
): Promise<Provider> => {
  switch (kind) {
    case "llamacpp":
      return (await llamaCpp()).createLlamaCpp(options, services);
    case "ollama":
      return (await ollama()).createOllama(options, services);
    case "openai-compatible":
      return (await openAiCompatible()).createOpenAiCompatible(options, services);
    case "openrouter":
      return (await openRouter()).createOpenRouter(options, services);
  }
};
