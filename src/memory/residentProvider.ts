import type { CallOptions, Provider, StreamPart } from "../provider/provider.ts";
import type { Lease, ModelNeed, Residency } from "./residency.ts";

/** Which residency looks after a model, and what it needs to know of it. */
export type ResidentModel = { readonly residency: Residency; readonly need: ModelNeed };

/**
 * Sees that the model is loaded before each request, and keeps it while the request runs. A request for a model that is
 * known to be loaded waits for nothing. `find` answers undefined for a server that keeps its models as it likes, and for
 * one that is left alone for now. `refusal` makes the error to throw from what residency has thrown; undefined: the
 * request is sent all the same, and its own fault says more.
 */
export const keepResident = <Kind extends Provider>(
  provider: Kind,
  find: (call: CallOptions) => ResidentModel | undefined | Promise<ResidentModel | undefined>,
  refusal: (error: unknown) => Error | undefined,
): Kind => {
  const take = async (call: CallOptions): Promise<Lease | undefined> => {
    const found = find(call);
    const resident = found instanceof Promise ? await found : found;
    if (!resident) return undefined;
    const { residency, need } = resident;
    const held = residency.hold(need.server, need.model);
    if (held) return held;
    const wait = call.span?.child("model load");
    try {
      return await residency.acquire(need, call.signal);
    } catch (error) {
      const refused = refusal(error);
      if (refused) throw refused;
      return undefined;
    } finally {
      wait?.end();
    }
  };

  async function* during(call: CallOptions, send: () => AsyncIterable<StreamPart>): AsyncGenerator<StreamPart> {
    const lease = await take(call);
    let hasAnswered = false;
    try {
      for await (const part of send()) {
        hasAnswered = true;
        yield part;
      }
    } finally {
      lease?.release(hasAnswered);
    }
  }

  return {
    ...provider,
    streamCompletion: (request, call = {}) => during(call, () => provider.streamCompletion(request, call)),
    streamChat: (request, call = {}) => during(call, () => provider.streamChat(request, call)),
  };
};
