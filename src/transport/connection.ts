/** One HTTP request as it goes over the wire. */
export type WireRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

/** Lets the reader of a response hold the sender back. */
export type Flow = { pause(): void; resume(): void };

/** What happens to one request, in this order. After `ended` or `failed` nothing more comes. */
export type WireHandler = {
  /** The request is written to the socket. */
  sent(): void;
  head(status: number, headers: Readonly<Record<string, string>>): void;
  chunk(bytes: Uint8Array, flow: Flow): void;
  ended(): void;
  /** `wasProcessed`: whether the server worked on it; undefined where the fault does not tell. */
  failed(error: unknown, wasProcessed?: boolean): void;
};

/** One open connection to an origin. */
export type Connection = {
  /** How many requests it may carry at the same time; 0 once it takes no more. */
  capacity(): number;
  /** False while the server has not yet said how many requests it takes at the same time. */
  isSettled(): boolean;
  /** Writes a request; the result ends it early, and its handler hears nothing more. */
  send(request: WireRequest, handler: WireHandler): () => void;
  /** Closes the socket at once; what it carried reports `failed`. */
  destroy(): void;
};

/** What may stand for a header's values in Node and in undici. */
type HeaderValues = string | number | readonly string[] | undefined;

/** Brings an answer's headers into one form: lower-case names, repeated ones joined; HTTP/2's `:status` stays out. */
export const flatHeaders = (headers: Readonly<Record<string, HeaderValues>>): Record<string, string> => {
  const flat: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(":")) continue;
    flat[name.toLowerCase()] = typeof value === "object" ? value.join(", ") : String(value);
  }
  return flat;
};
