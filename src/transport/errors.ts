import { abortError, isAbortError } from "../base/abort.ts";

/**
 * Why a request got no complete answer.
 * - `refused`, `dns`, `tls`, `unreachable`: no connection came about.
 * - `reset`: the connection broke; `closed`: the server ended it before the answer was complete.
 * - `redirect`: refused, because a redirect could carry a key to somebody else.
 * - `protocol`: the answer is not HTTP; `too-large`: it is longer than the caller allows.
 * - `disposed`: the client was closed.
 */
export type TransportErrorKind =
  | "connect-timeout"
  | "first-byte-timeout"
  | "idle-timeout"
  | "total-timeout"
  | "refused"
  | "dns"
  | "tls"
  | "unreachable"
  | "reset"
  | "closed"
  | "redirect"
  | "protocol"
  | "too-large"
  | "disposed";

/** A fault below the model server's own answers. `kind` decides what happens; the message holds no path and no key. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly kind: TransportErrorKind;

  constructor(kind: TransportErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
  }
}

const kindsByCode: Readonly<Record<string, TransportErrorKind>> = {
  ECONNREFUSED: "refused",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EACCES: "unreachable",
  ETIMEDOUT: "connect-timeout",
  UND_ERR_CONNECT_TIMEOUT: "connect-timeout",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "closed",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "closed",
  HPE_INVALID_EOF_STATE: "closed",
  UND_ERR_DESTROYED: "disposed",
  UND_ERR_CLOSED: "disposed",
};

const tlsCode =
  /^ERR_TLS_|^ERR_SSL_|^EPROTO$|CERT|^SELF_SIGNED|^UNABLE_TO_(VERIFY|GET)|^DEPTH_ZERO|^HOSTNAME_MISMATCH$/;

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** Turns what the socket or undici reported into a {@link TransportError}; `origin` names the server in its message. */
export const toTransportError = (error: unknown, origin: string): TransportError => {
  if (error instanceof TransportError) return error;
  const code = codeOf(error);
  const kind =
    kindsByCode[code] ?? (tlsCode.test(code) ? "tls" : code.startsWith("HPE_") ? "protocol" : undefined) ?? "protocol";
  const detail = code || (error instanceof Error ? error.name : "unknown fault");
  return new TransportError(kind, `No complete answer from ${origin} (${detail})`, { cause: error });
};

/** The error that a cancelled request rejects with: the signal's own if it is an `AbortError`, never a foreign one. */
export const toAbortError = (reason: unknown): Error =>
  reason instanceof Error && isAbortError(reason) ? reason : abortError();
