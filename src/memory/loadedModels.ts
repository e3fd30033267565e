import type { LoadedModel, ModelServer } from "./modelServer.ts";

/** What one server has loaded. */
export type ServerAnswer = { readonly server: ModelServer; readonly loaded: readonly LoadedModel[] };

/** What the servers of one machine say of themselves. */
export type LoadedModels = {
  /** Asks all of them; rejects when one does not answer: what is to make room for something has to know all that is there. */
  all(signal: AbortSignal): Promise<readonly ServerAnswer[]>;
  /**
   * Asks `asked`. A server that is silent hides nothing that the others tell; of it stands what it told last, as of one
   * that is not asked. Rejects when none of those asked answers.
   */
  known(signal: AbortSignal, asked?: readonly ModelServer[]): Promise<readonly ServerAnswer[]>;
};

export const createLoadedModels = (servers: readonly ModelServer[]): LoadedModels => {
  const told = new WeakMap<ModelServer, ServerAnswer>();
  const ask = async (server: ModelServer, signal: AbortSignal): Promise<ServerAnswer> => {
    const answer = { server, loaded: await server.loaded(signal) };
    told.set(server, answer);
    return answer;
  };
  return {
    all: (signal) => Promise.all(servers.map((server) => ask(server, signal))),
    async known(signal, asked = servers) {
      const settled = await Promise.allSettled(asked.map((server) => ask(server, signal)));
      const failed = settled.find((result) => result.status === "rejected");
      // Where nobody answers, whoever asks hears why.
      if (failed && settled.every(({ status }) => status === "rejected")) throw failed.reason;
      return servers.flatMap((server) => told.get(server) ?? []);
    },
  };
};
