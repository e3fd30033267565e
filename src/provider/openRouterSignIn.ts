import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../base/clock.ts";
import { abortError } from "../base/abort.ts";
import { onceAborted } from "../base/wait.ts";
import type { TransportClient } from "../transport/client.ts";
import { TransportError } from "../transport/errors.ts";
import { asObject, asText } from "./json.ts";

/**
 * - `no-listener`: no port of this machine could be listened on; {@link startPastedSignIn} needs none.
 * - `denied`: the person said no, or OpenRouter sent no code.
 * - `timeout`: nobody came back in time.
 * - `code-refused`: the code is wrong, used or older than ten minutes.
 * - `unreachable`: OpenRouter could not be reached.
 * - `failed`: OpenRouter answered something else than a key.
 */
export type SignInErrorKind = "no-listener" | "denied" | "timeout" | "code-refused" | "unreachable" | "failed";

/** A sign-in that came to nothing; a cancellation throws `AbortError` instead. */
export class SignInError extends Error {
  override readonly name = "SignInError";
  readonly kind: SignInErrorKind;

  constructor(kind: SignInErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

export type SignInOptions = {
  readonly transport: TransportClient;
  readonly clock: Clock;
  /** Scheme, host and port of OpenRouter. Default `https://openrouter.ai`. */
  readonly origin?: string;
  readonly signal?: AbortSignal;
};

export type LoopbackOptions = SignInOptions & {
  /** Opens the address in the person's browser; false: it was not opened, which ends the sign-in as "denied". */
  readonly open: (url: string) => Promise<boolean>;
  /** How long the person has. Default 300 000 (5 minutes). */
  readonly timeoutMs?: number;
  /** What the page says that the browser ends on; plain text. */
  readonly page?: { readonly done: string; readonly failed: string };
};

/** A sign-in whose code the person copies from the browser. */
export type PastedSignIn = {
  /** To open in a browser, on any machine. */
  readonly url: string;
  /** Trades the code for a key. @throws {SignInError}; `AbortError` when the signal fires. */
  finish(code: string, signal?: AbortSignal): Promise<string>;
};

const defaultOrigin = "https://openrouter.ai";
const defaultTimeoutMs = 300_000;
const exchangeDeadlines = { connectMs: 10_000, firstByteMs: 30_000, totalMs: 45_000 };
const answerMaxBytes = 64 * 1024;

/**
 * Signs in by OpenRouter's OAuth with PKCE (S256): the browser comes back to a listener on 127.0.0.1, at a path that
 * only this sign-in knows. The listener takes one code and is closed in every case. Resolves to the key.
 * @throws {SignInError}; `AbortError` when the signal fires.
 * @see https://openrouter.ai/docs/guides/overview/auth/oauth (2026-08)
 */
export const signInByLoopback = async (options: LoopbackOptions): Promise<string> => {
  const { clock, signal, open, timeoutMs = defaultTimeoutMs } = options;
  signal?.throwIfAborted();
  const { verifier, challenge } = createChallenge();
  // The documented flow has no `state`: an unguessable path does its work, so that no other page can hand in a code.
  const path = `/${randomBytes(24).toString("base64url")}`;
  const answer = Promise.withResolvers<string>();
  // It may fail while the browser is still being opened.
  answer.promise.catch(() => undefined);
  const server = createServer((request, response) => {
    receiveCode(request, response, { path, page: options.page, answer });
  });
  const release = onceAborted([signal], () => answer.reject(abortError()));
  const deadline = clock.after(timeoutMs, () => {
    answer.reject(new SignInError("timeout", "Nobody came back from OpenRouter in time"));
  });
  let code: string;
  try {
    const port = await listen(server);
    signal?.throwIfAborted();
    const callback = `http://127.0.0.1:${port}${path}`;
    const opened = await Promise.race([open(signInUrl(options.origin, challenge, callback)), answer.promise]);
    if (opened === false) throw new SignInError("denied", "The browser was not opened");
    code = await answer.promise;
  } finally {
    deadline.dispose();
    release();
    server.close();
    // Also those that never asked for anything. The page was handed to the system before the code was.
    server.closeAllConnections();
  }
  return exchangeCode(code, verifier, options);
};

/** The same without a listener, for a browser that cannot reach this machine: the person copies the code. */
export const startPastedSignIn = (options: SignInOptions): PastedSignIn => {
  const { verifier, challenge } = createChallenge();
  return {
    url: signInUrl(options.origin, challenge, undefined),
    finish: (code, signal = options.signal) =>
      exchangeCode(code.trim(), verifier, { ...options, ...(signal ? { signal } : {}) }),
  };
};

/** RFC 7636: 32 random bytes make a verifier of 43 characters. */
const createChallenge = (): { verifier: string; challenge: string } => {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
};

const signInUrl = (origin = defaultOrigin, challenge: string, callback: string | undefined): string => {
  const url = new URL("/auth", origin);
  if (callback !== undefined) url.searchParams.set("callback_url", callback);
  url.searchParams.set("code_challenge", challenge);
  url.searchParams.set("code_challenge_method", "S256");
  url.searchParams.set("key_label", "Hotpath");
  return url.href;
};

const listen = async (server: Server): Promise<number> => {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
  } catch (error) {
    throw new SignInError("no-listener", "No port of this machine could be listened on", { cause: error });
  }
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new SignInError("no-listener", "The listener has no port");
  return address.port;
};

const receiveCode = (
  request: IncomingMessage,
  response: ServerResponse,
  {
    path,
    page = {
      done: "You are signed in. You can close this page.",
      failed: "You are not signed in. You can close this page.",
    },
    answer,
  }: {
    readonly path: string;
    readonly page: LoopbackOptions["page"];
    readonly answer: PromiseWithResolvers<string>;
  },
): void => {
  const url = URL.parse(request.url ?? "/", "http://127.0.0.1");
  // Browsers ask for an icon, and other programs of this machine for anything: neither ends the waiting.
  if (request.method !== "GET" || !url || !isSame(url.pathname, path)) {
    response.writeHead(404, { connection: "close" });
    response.end();
    return;
  }
  const code = url.searchParams.get("code") ?? "";
  response.writeHead(200, {
    "content-type": "text/plain; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    connection: "close",
  });
  // Only when the page is on its way, since the listener is closed then.
  response.end(code === "" ? page.failed : page.done, () => {
    if (code === "") answer.reject(new SignInError("denied", "OpenRouter sent no code"));
    else answer.resolve(code);
  });
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Takes the same time whatever is asked. */
const isSame = (asked: string, expected: string): boolean => timingSafeEqual(digest(asked), digest(expected));

/** Something came back that no better network would change. */
const isAnswer = ({ kind }: TransportError): boolean =>
  kind === "redirect" || kind === "protocol" || kind === "too-large";

const exchangeCode = async (code: string, verifier: string, options: SignInOptions): Promise<string> => {
  const { transport, origin = defaultOrigin, signal } = options;
  if (code === "") throw new SignInError("code-refused", "There is no code");
  try {
    const response = await transport.request({
      method: "POST",
      url: new URL("/api/v1/auth/keys", origin).href,
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ code, code_verifier: verifier, code_challenge_method: "S256" }),
      deadlines: exchangeDeadlines,
      ...(signal ? { signal } : {}),
    });
    if (response.status !== 200) {
      response.discard();
      // 400: another method than the one announced; 403: wrong, used or expired.
      const isRefused = response.status === 400 || response.status === 403;
      throw new SignInError(isRefused ? "code-refused" : "failed", `OpenRouter answered with HTTP ${response.status}`);
    }
    const key = asText(asObject(await response.json(answerMaxBytes))["key"]);
    if (key === "") throw new SignInError("failed", "OpenRouter sent no key");
    return key;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    if (isAnswer(error)) throw new SignInError("failed", `OpenRouter sent no key (${error.kind})`, { cause: error });
    throw new SignInError("unreachable", `OpenRouter could not be reached (${error.kind})`, { cause: error });
  }
};
