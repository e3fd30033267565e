import { abortError } from "../base/abort.ts";
import { TransportError, type TransportErrorKind } from "../transport/errors.ts";
import { asList, asObject, asText, parseJson, type JsonObject } from "./json.ts";
import { readOverflow, saysOverflow } from "./overflow.ts";
import { ProviderError, type ProviderErrorKind } from "./provider.ts";
import { readRetryAfter } from "./retryAfter.ts";

const excerptMaxChars = 200;
/** What a fault says is said by then; a long text takes some of the expressions below the square of its length. */
const messageMaxChars = 4096;

/** One line of what a server said, short enough for a log and a message. */
export const excerptOf = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > excerptMaxChars ? `${line.slice(0, excerptMaxChars - 1)}…` : line;
};

/** What a server's error body says, whatever shape it has. */
type Fault = { readonly message: string; readonly type: string; readonly code: string; readonly fields: JsonObject };

/**
 * Finds the error in a JSON answer or event: `{error: {message, type, code}}` (llama.cpp, OpenAI, newer vLLM),
 * `{error: "text"}` (Ollama, LM Studio), `{object: "error", message}` (older vLLM).
 */
const findFault = (value: unknown): Fault | undefined => {
  const body = asObject(value);
  const error = body["error"];
  if (typeof error === "string" && error !== "") {
    return { message: error.slice(0, messageMaxChars), type: "", code: "", fields: body };
  }
  const fields =
    typeof error === "object" && error !== null ? asObject(error) : body["object"] === "error" ? body : undefined;
  if (!fields) return undefined;
  const { message, type, code } = fields;
  return {
    message: asText(message).slice(0, messageMaxChars),
    type: asText(type).slice(0, messageMaxChars),
    code: typeof code === "number" ? String(code) : asText(code).slice(0, messageMaxChars),
    fields,
  };
};

const unknownModelText = /model\b.*(?:not found|does not exist|not exist|no such)|unknown model|model is not loaded/i;

/** llama.cpp without `--jinja`, vLLM without a parser for tools, Ollama, OpenRouter, and models that see nothing. */
const unsupportedText =
  /requires --jinja|tool choice requires|(?:not|that) support (?:tool|image|chat|insert|generate)|(?:tool|image)s?(?: \w+)? (?:is|are) not supported|multimodal is not supported|unexpected endpoint/i;

const moderatedName = /content_filter|content_policy|moderation|guardrail/;

const kindByStatus = (status: number): ProviderErrorKind | undefined => {
  switch (status) {
    case 402:
      return "payment-required";
    case 401:
    case 403:
      return "unauthorized";
    case 404:
    case 405:
    case 501:
      return "unsupported";
    // 511 comes from the network, which wants a sign-in (RFC 6585).
    case 407:
    case 511:
      return "proxy";
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

/** A stream, and many a gateway, keeps its status 200 when it fails; the code inside then stands for the status. */
const statusOf = (status: number, { code }: Fault): number =>
  status < 400 && /^[45]\d\d$/.test(code) ? Number(code) : status;

/** These mean themselves, whatever the text says. */
const ofAccount = new Set([401, 402, 403, 429]);
/** With these a prompt that does not fit is reported. */
const ofPrompt = new Set([400, 413, 422, 500]);

const kindOf = (status: number, { message, type, code }: Fault): ProviderErrorKind => {
  const names = `${type} ${code}`;
  if (status === 503 && type === "unavailable_error") return "loading";
  if (/exceed_context_size|context_length_exceeded/.test(names)) return "context-overflow";
  if (/model_not_found/.test(names)) return "model-not-found";
  if (moderatedName.test(names)) return "moderated";
  if (!ofAccount.has(status) && unsupportedText.test(message)) return "unsupported";
  if ((status === 400 || status === 404 || status === 422) && unknownModelText.test(message)) return "model-not-found";
  if ((status < 400 || ofPrompt.has(status)) && saysOverflow(message)) return "context-overflow";
  if (/rate_limit/.test(names)) return "rate-limited";
  if (/authentication|invalid_api_key/.test(names)) return "unauthorized";
  return kindByStatus(status) ?? "server-error";
};

const reasonOf = ({ message, type }: Fault): string => excerptOf(message) || type || "no reason given";

/**
 * The error that a JSON answer or one event of a stream stands for, or undefined if it is none. It has no status: the
 * server had accepted the request.
 */
export const errorInPayload = (value: unknown): ProviderError | undefined => {
  const fault = findFault(value);
  if (!fault) return undefined;
  const kind = kindOf(statusOf(200, fault), fault);
  const sizes = kind === "context-overflow" ? readOverflow(fault.fields, fault.message) : {};
  return new ProviderError(kind, `The model server answered: ${reasonOf(fault)}`, sizes);
};

/**
 * The error that one event of a stream in the OpenAI format reports: in a field of its own, inside of the choice
 * (OpenRouter), or as the whole of an event that is called `error`.
 */
export const errorInEvent = (payload: unknown, event?: string): ProviderError | undefined => {
  const found = errorInPayload(payload) ?? (event === "error" ? errorInPayload({ error: payload }) : undefined);
  if (found) return found;
  const choice = asObject(asList(asObject(payload)["choices"])[0]);
  if (choice["error"] === undefined && choice["finish_reason"] !== "error") return undefined;
  return (
    errorInPayload(choice) ??
    (choice["finish_reason"] === "error"
      ? new ProviderError("server-error", "The model server answered: the provider failed and gave no reason")
      : undefined)
  );
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

/** A page for people in the place of one of these is a login page, a block page, or another program on this port. */
const pageInPlaceOf = new Set<ProviderErrorKind>(["bad-request", "unsupported"]);

/** Turns an answer with an error status, or one of the wrong content type, into a {@link ProviderError}. */
export const errorFromAnswer = (answer: FailedAnswer, nowDateMs: number): ProviderError => {
  const { headers, text } = answer;
  const value = parseJson(text);
  const fault = findFault(value);
  const status = fault ? statusOf(answer.status, fault) : answer.status;
  const retryAfterMs = readRetryAfter(headers, status, nowDateMs);
  const facts = retryAfterMs === undefined ? { status } : { status, retryAfterMs };
  if (fault) {
    const kind = kindOf(status, fault);
    const sizes = kind === "context-overflow" ? readOverflow(fault.fields, fault.message) : {};
    return new ProviderError(kind, `The model server answered ${status}: ${reasonOf(fault)}`, { ...facts, ...sizes });
  }
  // FastAPI
  const detail = asText(asObject(value)["detail"]);
  const said = excerptOf(detail || text) || "nothing";
  const kind = kindByStatus(status);
  // An overloaded gateway's page stays a server error, since asking again can help there.
  const isPage = looksLikeHtml(answer) && (status === 403 || (kind !== undefined && pageInPlaceOf.has(kind)));
  if (kind === undefined || isPage) {
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
  dns: "offline",
  tls: "unreachable",
  certificate: "certificate",
  "proxy-auth": "proxy",
  proxy: "proxy",
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

/** Whether a fault means that the server may come back as another one, so that what was learned of it is void. */
export const isGone = (error: unknown): boolean =>
  error instanceof ProviderError && ["unreachable", "offline", "model-not-found"].includes(error.kind);
