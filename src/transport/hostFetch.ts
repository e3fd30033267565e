import { createTransportClient, type TransportClient, type TransportOptions } from "./client.ts";
import type { Flow, WireHandler, WireRequest } from "./connection.ts";
import { codeOf, TransportError } from "./errors.ts";
import type { Pool } from "./pool.ts";

/** VS Code's `globalThis.fetch`, which finds proxies as the system does, signs in to them and knows its certificates. */
export type HostFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What fetch says is "fetch failed"; what happened stands in its causes. */
const toError = (error: unknown, origin: string): unknown => {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const status = /^Proxy response \((\d+)\)/.exec(cause instanceof Error ? cause.message : "")?.[1];
  if (status === "407") return new TransportError("proxy-auth", `The proxy on the way to ${origin} wants a sign-in`);
  if (status !== undefined) return new TransportError("proxy", `The proxy on the way to ${origin} refused (${status})`);
  if (codeOf(cause) === "") return new TransportError("unreachable", `${origin} cannot be reached by VS Code's fetch`);
  return cause;
};

/** Hands a body over as fast as it is taken. */
const deliver = async (body: ReadableStream<Uint8Array>, handler: WireHandler, signal: AbortSignal): Promise<void> => {
  let paused: PromiseWithResolvers<void> | undefined;
  const flow: Flow = {
    pause() {
      paused ??= Promise.withResolvers<void>();
    },
    resume() {
      paused?.resolve();
      paused = undefined;
    },
  };
  for await (const chunk of body) {
    if (signal.aborted) return;
    handler.chunk(chunk, flow);
    await paused?.promise;
  }
};

const exchange = async (
  { method, path, headers, body }: WireRequest,
  handler: WireHandler,
  { origin, fetch, signal }: { origin: string; fetch: HostFetch; signal: AbortSignal },
): Promise<void> => {
  try {
    handler.sent();
    const response = await fetch(origin + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      // No cookies, and no redirect that could carry a key away.
      credentials: "omit",
      redirect: "manual",
      signal,
    });
    if (signal.aborted) return;
    // fetch has decoded the body.
    const { "content-encoding": _encoding, ...fields } = Object.fromEntries(response.headers);
    // Browsers' fetch, which VS Code can be told to use, hides a redirect's status and target.
    handler.head(response.type === "opaqueredirect" ? 302 : response.status, fields);
    if (response.body) await deliver(response.body, handler, signal);
    if (!signal.aborted) handler.ended();
  } catch (error) {
    // Whether the request was worked on is not known, so it counts as if it were.
    if (!signal.aborted) handler.failed(toError(error, origin), true);
  }
};

/** Nothing to keep: connections are fetch's own business. */
const createFetchPool = (origin: string, fetch: HostFetch): Pool => {
  const running = new Set<AbortController>();
  return {
    acquire(applicant) {
      const controller = new AbortController();
      const end = (): void => {
        running.delete(controller);
        controller.abort();
      };
      applicant.ready({
        // Whether the connection is new is fetch's secret; only one that is not counts as reused.
        isFresh: true,
        send(request, handler) {
          running.add(controller);
          const { signal } = controller;
          void exchange(request, handler, { origin, fetch, signal }).finally(() => running.delete(controller));
        },
        release() {},
        cancel: end,
      });
      return { dispose() {} };
    },
    preconnect() {},
    answered() {},
    queued: () => 0,
    close() {
      for (const controller of running) controller.abort();
      running.clear();
      return Promise.resolve();
    },
  };
};

/**
 * A client over VS Code's own fetch, for where only VS Code finds the way: the same deadlines, cancellation, limits and
 * kinds of errors. What fetch does not tell is missing: time to connect belongs to the wait for the first byte, no
 * connection is counted, `preconnect` does nothing. The caller closes it.
 */
export const createHostFetchClient = ({
  fetch,
  ...options
}: Pick<TransportOptions, "clock" | "log"> & { readonly fetch: HostFetch }): TransportClient =>
  createTransportClient({ ...options, poolFor: (origin) => createFetchPool(origin, fetch) });
