/**
 * Why a request got no complete answer.
 * - `refused`, `dns`, `tls`, `unreachable`: no connection came about.
 * - `certificate`: nor here, because the server's certificate, or a proxy's, is not trusted or not for this name.
 * - `proxy`: nor here, because the proxy cannot be reached, broke off or refused.
 * - `proxy-auth`: nor here, because the proxy wants a sign-in.
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
  | "certificate"
  | "proxy"
  | "proxy-auth"
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
  /** Whether the request was already sent a second time, because the first connection was a kept-alive one. */
  readonly wasResent: boolean;

  constructor(kind: TransportErrorKind, message: string, options: { cause?: unknown; wasResent?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.wasResent = options.wasResent ?? false;
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
  ERR_HTTP2_STREAM_ERROR: "reset",
  ERR_HTTP2_SESSION_ERROR: "reset",
  ERR_HTTP2_GOAWAY_SESSION: "closed",
  ERR_HTTP2_INVALID_SESSION: "closed",
  UND_ERR_DESTROYED: "disposed",
  UND_ERR_CLOSED: "disposed",
};

// OpenSSL's names of what a verification found, as Node gives them, and Node's own for a name that does not fit.
const certificateCode =
  /^CERT_|_CERT(?:_|$)|^UNABLE_TO_|^SELF_SIGNED|^INVALID_(?:CA|PURPOSE)$|^HOSTNAME_MISMATCH$|^ERR_TLS_CERT_/;
const tlsCode = /^ERR_TLS_|^ERR_SSL_|^EPROTO$/;

/** An error's `code`, or its cause's, or "". */
export const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "";
  return "code" in error && typeof error.code === "string" ? error.code : codeOf(error.cause);
};

const kindOf = (code: string): TransportErrorKind => {
  const known = kindsByCode[code];
  if (known) return known;
  if (certificateCode.test(code)) return "certificate";
  return tlsCode.test(code) ? "tls" : "protocol";
};

/** Turns what the socket or undici reported into a {@link TransportError}; `origin` names the server in its message. */
export const toTransportError = (error: unknown, origin: string): TransportError => {
  if (error instanceof TransportError) return error;
  const code = codeOf(error);
  const kind = kindOf(code);
  const detail = code || (error instanceof Error ? error.name : "unknown fault");
  const text =
    kind === "certificate"
      ? `The certificate of ${origin} is not trusted (${detail}): see http.systemCertificates and http.proxyStrictSSL`
      : `No complete answer from ${origin} (${detail})`;
  return new TransportError(kind, text, { cause: error });
};
