import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * Passes bytes on, `oneWayMs` late in each direction. A connection's first bytes come another round trip later: that is
 * what the TCP handshake would have taken, which loopback answers at once.
 */
export const startDelayProxy = async (targetPort: number, oneWayMs: number): Promise<number> => {
  const pipeLate = (from: Socket, to: Socket, firstMs: number): void => {
    // One timer for the oldest: timers of nearly the same length do not always keep their order.
    const line: { readonly dueMs: number; readonly action: () => void }[] = [];
    let delayMs = oneWayMs + firstMs;
    let lastDueMs = 0;
    const run = (): void => {
      for (;;) {
        const [oldest] = line;
        if (!oldest) return;
        const leftMs = oldest.dueMs - performance.now();
        if (leftMs > 0) {
          setTimeout(run, leftMs);
          return;
        }
        line.shift();
        oldest.action();
      }
    };
    const later = (action: () => void): void => {
      lastDueMs = Math.max(lastDueMs, performance.now() + delayMs);
      delayMs = oneWayMs;
      line.push({ dueMs: lastDueMs, action });
      if (line.length === 1) run();
    };
    from.on("data", (bytes) => later(() => to.write(bytes)));
    from.on("end", () => later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => later(() => to.destroy()));
  };

  const server = createServer({ noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    pipeLate(client, target, 2 * oneWayMs);
    pipeLate(target, client, 0);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};
