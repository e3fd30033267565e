import type { Disposable } from "../base/disposable.ts";
import { createConnection, type Connection } from "./undici.ts";

/** Numbers about every connection since the client was made. */
export type TransportCounters = {
  /** Requests written to a socket. */
  requests: number;
  /** Connections that were made. */
  opened: number;
  /** Requests that found a kept-alive connection. */
  reused: number;
  /** Connections that are open now. */
  openNow: number;
};

/** The connections to one origin. Each carries one request at a time. */
export type Pool = {
  /**
   * Calls `use` once, with a connection that nobody else uses: at once if there is one or room for one, else when one
   * becomes free. Disposing before that leaves the queue. `fresh` refuses kept-alive connections.
   */
  acquire(fresh: boolean, use: (connection: Connection) => void): Disposable;
  /** Gives a connection back whose answer is complete. */
  release(connection: Connection): void;
  /** Closes a connection whose answer is not complete, and makes room for the next in the queue. */
  discard(connection: Connection): void;
  /** Closes all; resolves when every socket is closed. Nothing must be acquired afterwards. */
  close(): Promise<void>;
};

/** Makes an empty pool; `close` ends it. */
export const createPool = (origin: string, connectionsMax: number, counters: TransportCounters): Pool => {
  const all = new Set<Connection>();
  // Last in, first out: a few connections stay warm, and the others reach their keep-alive limit.
  const idle: Connection[] = [];
  const queue = new Set<{ readonly fresh: boolean; readonly use: (connection: Connection) => void }>();

  const drop = (connection: Connection): Promise<void> => {
    all.delete(connection);
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
    return connection.destroy();
  };

  const open = (): Connection => {
    const connection = createConnection(origin, {
      opened() {
        counters.opened++;
        counters.openNow++;
      },
      closed() {
        counters.openNow--;
        // A connection that carries a request hears of it there, and may be making a new socket for it.
        if (idle.includes(connection)) void drop(connection);
      },
    });
    all.add(connection);
    return connection;
  };

  const find = (fresh: boolean): Connection | undefined => {
    if (!fresh) {
      const kept = idle.pop();
      if (kept) return kept;
    } else if (all.size >= connectionsMax) {
      const kept = idle[0];
      if (kept) void drop(kept);
    }
    return all.size < connectionsMax ? open() : undefined;
  };

  const serve = (): void => {
    for (const waiting of queue) {
      const connection = find(waiting.fresh);
      if (!connection) return;
      queue.delete(waiting);
      waiting.use(connection);
    }
  };

  return {
    acquire(fresh, use) {
      const connection = find(fresh);
      if (connection) {
        use(connection);
        return { dispose() {} };
      }
      const waiting = { fresh, use };
      queue.add(waiting);
      return { dispose: () => void queue.delete(waiting) };
    },
    release(connection) {
      if (!all.has(connection)) return;
      idle.push(connection);
      // This runs inside undici's parser; the next request must not be written from in there.
      if (queue.size > 0) queueMicrotask(serve);
    },
    discard(connection) {
      void drop(connection);
      serve();
    },
    async close() {
      queue.clear();
      await Promise.all([...all].map((connection) => drop(connection)));
    },
  };
};
