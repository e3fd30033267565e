// A chat over sockets with a model server that takes its time to read a prompt, as far as its cache does not hold it.
import { setTimeout as sleep } from "node:timers/promises";
import { createToolChooser } from "../../src/assistant/toolChooser.ts";
import { askWithTools } from "../../src/assistant/toolTurn.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { ToolDefinition } from "../../src/provider/provider.ts";
import { createProvider } from "../../src/provider/registry.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { createModelServer } from "../fake/modelServer.ts";
import { createPromptReader, wrapRequest, type ChatBody, type ToolSession } from "../fake/toolSession.ts";

/** How long the first turn of a session waits for its first text; `count` undefined: all tools are sent. */
export const firstTextMs = async ({
  tools,
  session,
  count,
  tokensPerSecond,
}: {
  readonly tools: readonly ToolDefinition[];
  readonly session: ToolSession;
  readonly count: number | undefined;
  readonly tokensPerSecond: number;
}): Promise<number> => {
  const reader = createPromptReader();
  const server = await createModelServer({
    async chat({ json }) {
      const { readTokens } = reader.read(json as unknown as ChatBody);
      await sleep((readTokens / tokensPerSecond) * 1_000);
      return "Done.";
    },
  });
  const transport = createTransportClient({ clock: systemClock, log: silentLog });
  try {
    const services = { transport, clock: systemClock, log: silentLog };
    const provider = await createProvider("llamacpp", { baseUrl: server.url, model: "" }, services);
    const ledger = createLedger({ clock: systemClock });
    await provider.capabilities();
    const start = performance.now();
    let firstMs = Number.NaN;
    await askWithTools(createToolChooser({ ledger, count: () => count }))({
      ledger,
      provider,
      model: "",
      signal: new AbortController().signal,
      compose: () => ({ messages: [{ role: "user", content: wrapRequest(session.turns[0]!.query) }], tools }),
      onText() {
        if (Number.isNaN(firstMs)) firstMs = performance.now() - start;
      },
    });
    return firstMs;
  } finally {
    await transport.close();
    await server.close();
  }
};
