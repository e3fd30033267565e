import { abortError } from "../base/abort.ts";
import { TransportError, type TransportErrorKind } from "../transport/errors.ts";
import { asCount, asObject, asText } from "./json.ts";
import { ProviderError, type ProviderErrorKind } from "./provider.ts";

const excerptMaxChars = 200;

/** One line of what a server said, short enough for a log and a message. */
export const excerptOf = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > excerptMaxChars ? `${line.slice(0, excerptMaxChars - 1)}…` : line;
};

/** What a server's error body says, whatever shape it has. */
type Fault = { readonly message: string; readonly type: string; readonly code: string };

/**
 * Finds the error in a JSON answer or event: `{error: {message, type, code}}` (llama.cpp, OpenAI, newer vLLM),
 * `{error: "text"}` (Ollama, LM Studio), `{object: "error", message}` (older vLLM), `{detail}` (FastAPI).
 */
const findFault = (value: unknown): Fault | undefined => {
  const body = asObject(value);
  const error = body["error"];
  if (typeof error === "string" && error !== "") return { message: error, type: "", code: "" };
  const details =
    typeof error === "object" && error !== null ? asObject(error) : body["object"] === "error" ? body : undefined;
  if (!details) return undefined;
  const { message, type, code } = details;
  return {
    message: asText(message),
    type: asText(type),
    code: typeof code === "number" ? String(code) : asText(code),
  };
};

const overflowText = /context (?:length|size|window)|maximum context|prompt (?:is )?too long|too many tokens/i;
const unknownModelText = /model\b.*(?:not found|does not exist|not exist|no such)|unknown model|model is not loaded/i;

const kindByStatus = (status: number): ProviderErrorKind | undefined => {
  switch (status) {
    case 402:
      return "payment-required";
    case 401:
    case 403:
    case 407:
      return "unauthorized";
    case 404:
    case 405:
    case 501:
      return "unsupported";
    case 408:
      return "timeout";
    case 413:
      return "context-overflow";
    case 429:
      return "rate-limited";
    default:
      if (status >= 500) return "server-error";
      return status >= 400 ? "bad-request" : undefined;
  }
};

const kindOf = (status: number, { message, type, code }: Fault): ProviderErrorKind => {
  const names = `${type} ${code}`;
  if (/exceed_context_size|context_length_exceeded/.test(names)) return "context-overflow";
  if (/model_not_found/.test(names)) return "model-not-found";
  // A stream keeps its status 200 when it fails; the code inside then stands for the status.
  const inner = /^[45]\d\d$/.test(code) ? Number(code) : 0;
  const effective = status >= 400 ? status : inner;
  if ((effective === 400 || effective === 404 || effective === 422) && unknownModelText.test(message)) {
    return "model-not-found";
  }
  if ((effective === 400 || effective === 422) && overflowText.test(message)) return "context-overflow";
  // LM Studio answers 200 to a route that it does not have.
  if (/unexpected endpoint/i.test(message)) return "unsupported";
  if (/rate_limit/.test(names)) return "rate-limited";
  if (/authentication|invalid_api_key/.test(names)) return "unauthorized";
  return kindByStatus(effective) ?? "server-error";
};

/** The error that a JSON answer or one event of a stream stands for, or undefined if it is none. */
export const errorInPayload = (value: unknown, status = 200): ProviderError | undefined => {
  const fault = findFault(value);
  if (!fault) return undefined;
  const said = excerptOf(fault.message) || fault.type || "no reason given";
  const kind = kindOf(status, fault);
  return new ProviderError(kind, `The model server answered: ${said}`, status >= 400 ? { status } : {});
};

/** `Retry-After` as seconds or as a date, in milliseconds from `nowDateMs`; undefined if it is neither. */
const parseRetryAfter = (text: string | undefined, nowDateMs: number): number | undefined => {
  if (!text) return undefined;
  if (/^\d+$/.test(text.trim())) return Number(text) * 1000;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowDateMs);
};

/** An answer that is not what was asked for. */
export type FailedAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of its body. */
  readonly text: string;
};

const looksLikeHtml = ({ headers, text }: FailedAnswer): boolean =>
  (headers["content-type"] ?? "").includes("text/html") || /^\s*<(?:!doctype|html)/i.test(text);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** Turns an answer with an error status, or one of the wrong content type, into a {@link ProviderError}. */
export const errorFromAnswer = (answer: FailedAnswer, nowDateMs: number): ProviderError => {
  const { status, headers, text } = answer;
  const retryAfterMs = parseRetryAfter(headers["retry-after"], nowDateMs);
  const facts = retryAfterMs === undefined ? { status } : { status, retryAfterMs };
  const value = parseJson(text);
  const fault = findFault(value);
  if (fault) {
    const isLoading = status === 503 && fault.type === "unavailable_error";
    const said = excerptOf(fault.message) || fault.type || "no reason given";
    const kind = isLoading ? "loading" : kindOf(status, fault);
    return new ProviderError(kind, `The model server answered ${status}: ${said}`, facts);
  }
  const detail = asText(asObject(value)["detail"]);
  const said = excerptOf(detail || text) || "nothing";
  const kind = kindByStatus(status);
  // A page for people: a login page, a proxy, another program on this port. An overloaded gateway's page stays a
  // server error, since asking again can help there.
  if (kind === undefined || (looksLikeHtml(answer) && (kind === "bad-request" || kind === "unsupported"))) {
    return new ProviderError("bad-response", `Not a model server's answer (${status}): ${said}`, facts);
  }
  return new ProviderError(kind, `The model server answered ${status}: ${said}`, facts);
};

const kindsByTransport: Readonly<Record<Exclude<TransportErrorKind, "disposed">, ProviderErrorKind>> = {
  "connect-timeout": "unreachable",
  "first-byte-timeout": "timeout",
  "idle-timeout": "timeout",
  "total-timeout": "timeout",
  refused: "unreachable",
  dns: "unreachable",
  tls: "unreachable",
  unreachable: "unreachable",
  reset: "unreachable",
  closed: "unreachable",
  redirect: "bad-response",
  protocol: "bad-response",
  "too-large": "bad-response",
};

/**
 * Turns a connection's fault into a {@link ProviderError}; everything else comes back as it is. That the client was
 * closed is no fault of the server's: somebody has ended the work, so it is a cancellation.
 */
export const fromTransport = (error: unknown, hasStarted = false): unknown => {
  if (!(error instanceof TransportError)) return error;
  if (error.kind === "disposed") return abortError();
  const isBroken = error.kind === "reset" || error.kind === "closed";
  const kind = hasStarted && isBroken ? "truncated" : kindsByTransport[error.kind];
  return new ProviderError(kind, error.message, { cause: error });
};

/** Prompt tokens that were in the server's cache can never be more than there were. */
export const clampCached = (cached: unknown, prompt: number | undefined): number | undefined => {
  const count = asCount(cached);
  return count === undefined || prompt === undefined ? count : Math.min(count, prompt);
};
