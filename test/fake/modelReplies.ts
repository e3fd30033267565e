import type { IncomingMessage, ServerResponse } from "node:http";

/** A piece of a scripted body: bytes, or something to wait for before the next piece. */
export type ReplyStep = string | Uint8Array | (() => Promise<void>);

/** One answer that a test prescribes. */
export type ScriptedReply = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** One write each. */
  readonly body?: readonly ReplyStep[];
  /** False: not even a status line is sent. */
  readonly hasHead?: boolean;
  /** How it ends: complete, closed without the end, reset, or not at all. Default "end". */
  readonly finish?: "end" | "cut" | "reset" | "hang";
};

export const sseHeaders = { "content-type": "text/event-stream" };
export const ndjsonHeaders = { "content-type": "application/x-ndjson" };

/** One line of an Ollama stream. */
export const ndjson = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** An Ollama stream, piece by piece. */
export const linesReply = (
  body: readonly ReplyStep[],
  finish: NonNullable<ScriptedReply["finish"]> = "end",
): ScriptedReply => ({ status: 200, headers: ndjsonHeaders, body, finish });

/** One server-sent event. */
export const sse = (payload: unknown): string =>
  `data: ${typeof payload === "string" ? payload : JSON.stringify(payload)}\n\n`;

/** An answer with a JSON body. */
export const jsonReply = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: [JSON.stringify(value)],
});

/** An event stream, piece by piece. */
export const streamReply = (
  body: readonly ReplyStep[],
  finish: NonNullable<ScriptedReply["finish"]> = "end",
): ScriptedReply => ({ status: 200, headers: sseHeaders, body, finish });

/** llama.cpp's answer while it reads its model. */
export const loadingReply = jsonReply(
  503,
  { error: { message: "Loading model", type: "unavailable_error", code: 503 } },
  { connection: "close" },
);

/** A page for people where a model server's answer should be. */
export const htmlReply: ScriptedReply = {
  status: 200,
  headers: { "content-type": "text/html; charset=utf-8" },
  body: [`<!DOCTYPE html><html><body>${"Please sign in to the network. ".repeat(40)}</body></html>`],
};

/** The connection breaks before a byte of the answer. */
export const resetReply: ScriptedReply = { hasHead: false, finish: "reset" };

/** No byte ever comes. */
export const hangReply: ScriptedReply = { hasHead: false, finish: "hang" };

/** Resolves when the piece is sent, and also when its socket is gone, for then nobody calls back. */
export const write = (response: ServerResponse, piece: string | Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    if (response.destroyed) resolve();
    else {
      response.once("close", done);
      response.write(piece, done);
    }
  });

/** Sends an answer with a JSON body. */
export const sendJson = (response: ServerResponse, status: number, value: unknown): void => {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    // llama.cpp closes after every error.
    ...(status >= 400 ? { connection: "close" } : {}),
  });
  response.end(text);
};

/** Sends an error as llama.cpp words it. */
export const sendError = (response: ServerResponse, code: number, type: string, message: string): void =>
  sendJson(response, code, { error: { message, type, code } });

/** Sends an answer that a test prescribes. */
export const play = async (request: IncomingMessage, response: ServerResponse, reply: ScriptedReply): Promise<void> => {
  const { status = 200, headers = {}, body = [], hasHead = true, finish = "end" } = reply;
  if (hasHead) {
    response.writeHead(status, headers);
    response.flushHeaders();
  }
  for (const step of body) {
    if (typeof step === "function") await step();
    else await write(response, step);
  }
  if (finish === "end") response.end();
  else if (finish === "cut") request.socket.destroy();
  else if (finish === "reset") request.socket.resetAndDestroy();
};
