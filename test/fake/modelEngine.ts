import type { ServerResponse } from "node:http";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { pause } from "../../src/base/wait.ts";
import { play, write, type ScriptedReply } from "./modelReplies.ts";

/** A request's body. */
export type Json = Readonly<Record<string, unknown>>;

/** What `complete` and `chat` are asked. */
export type ModelCall = {
  readonly path: string;
  /** Text before and after the place to fill; a raw Qwen prompt is taken apart. */
  readonly prefix: string;
  readonly suffix: string;
  readonly maxTokens: number;
  /** The whole request body. */
  readonly json: Json;
};

/** An answer with tool calls. */
export type ModelAnswer = {
  readonly text?: string;
  /** `arguments`: a JSON text; Ollama's routes send it as an object. */
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: string }[];
};

/** What goes wrong with one generated answer. */
export type Disturbance = {
  /** Comes instead of the answer. */
  readonly reply?: ScriptedReply;
  /** Before the head. */
  readonly headDelayMs?: number;
  /** Before this token (from 0) comes a pause, or the connection is cut. */
  readonly atToken?: { readonly index: number; readonly pauseMs?: number; readonly cut?: boolean };
};

/** How the model behind a server behaves. */
export type ModelEngineOptions = {
  /** Asked for each request that makes the model work. Default: nothing goes wrong. */
  readonly disturb?: (call: ModelCall) => Disturbance | undefined;
  /** The text to fill in. Default: `return 42;`. */
  readonly complete?: (call: ModelCall) => string | Promise<string>;
  /** The answer to a chat. Default: `Hello from the model.`. */
  readonly chat?: (call: ModelCall) => string | ModelAnswer | Promise<string | ModelAnswer>;
  /** Before each token. Default 0. */
  readonly tokenDelayMs?: number;
  /** Before the head of a generated answer. Default 0. */
  readonly firstTokenDelayMs?: number;
  /** Measures the delays. Default: the machine's. */
  readonly clock?: Clock;
  /** How many requests it works on at once. Default 1. */
  readonly slots?: number;
};

/** The model behind a server, whatever format its answers go out in. */
export type ModelEngine = {
  /** What it says, cut as a server does, in tokens. */
  answerOf(call: ModelCall, isChat: boolean): Promise<Answer>;
  /** Runs `work` once there is a slot, and after what goes wrong before it. */
  withSlot(response: ServerResponse, call: ModelCall, work: () => Promise<void>): Promise<void>;
  /** Sends what `piece` makes of each token while the client is there. */
  eachToken(
    response: ServerResponse,
    tokens: readonly string[],
    piece: (token: string, index: number) => string,
  ): Promise<void>;
  readonly slots: number;
  freeSlots(): number;
  /** Takes every slot; the result gives them back. */
  takeSlots(): () => void;
  isLoading(): boolean;
  setLoading(isLoading: boolean): void;
  /** Resolves when it is loaded. */
  loaded(): Promise<void>;
};

type Answer = {
  readonly tokens: readonly string[];
  /** Why it ends, in llama.cpp's words. */
  readonly type: "limit" | "word" | "eos";
  readonly toolCalls: NonNullable<ModelAnswer["toolCalls"]>;
};

/** Cuts text into tokens, a few letters each. */
export const tokenize = (text: string): readonly string[] => text.match(/\s*\S{1,6}|\s+$/g) ?? [];

const fimPrompt = /<\|fim_prefix\|>(.*)<\|fim_suffix\|>(.*)<\|fim_middle\|>(.*)/s;

/** A value where a text is wanted. */
export const asText = (value: unknown): string => (typeof value === "string" ? value : "");

const asNumber = (value: unknown, fallback: number): number => (typeof value === "number" ? value : fallback);

/** A value where an object is wanted. */
export const asRecord = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {});

/** Reads what the model is asked, in whichever format. */
export const readCall = (path: string, json: Json): ModelCall => {
  const prompt = asText(json["prompt"]);
  const parts = fimPrompt.exec(prompt);
  return {
    path,
    // What was typed already stands behind the middle mark, or beside `input_prefix`.
    prefix: parts ? `${parts[1]}${parts[3]}` : asText(json["input_prefix"]) + prompt,
    suffix: parts?.[2] ?? (asText(json["input_suffix"]) || asText(json["suffix"])),
    maxTokens: asNumber(
      json["n_predict"],
      asNumber(json["max_tokens"], asNumber(asRecord(json["options"])["num_predict"], 512)),
    ),
    json,
  };
};

/** Cuts generated text as a server does, at its token limit and its stop texts. */
const generate = (text: string, { maxTokens, json }: ModelCall): Omit<Answer, "toolCalls"> => {
  const wanted = json["stop"] ?? asRecord(json["options"])["stop"];
  const stops = Array.isArray(wanted) ? wanted.filter((stop): stop is string => typeof stop === "string") : [];
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const isStopped = ends.length > 0;
  const tokens = tokenize(isStopped ? text.slice(0, Math.min(...ends)) : text);
  const isLimited = tokens.length > maxTokens;
  return { tokens: tokens.slice(0, maxTokens), type: isLimited ? "limit" : isStopped ? "word" : "eos" };
};

/** What llama.cpp says of the work; the others count the same tokens. */
export const timings = (call: ModelCall, count: number) => {
  const promptTokens = Math.ceil((call.prefix.length + call.suffix.length) / 4);
  return { cache_n: 0, prompt_n: promptTokens, prompt_ms: 1, predicted_n: count, predicted_ms: 1 };
};

/** Makes one that is loaded and idle. */
export const createModelEngine = ({
  complete = () => "return 42;",
  chat = () => "Hello from the model.",
  tokenDelayMs = 0,
  firstTokenDelayMs = 0,
  clock = systemClock,
  slots = 1,
  disturb,
}: ModelEngineOptions): ModelEngine => {
  const slotQueue: (() => void)[] = [];
  const disturbances = new WeakMap<ServerResponse, Disturbance>();
  const loadWaiters = new Set<() => void>();
  let isLoading = false;
  let freeSlots = slots;

  const releaseSlot = (): void => {
    const next = slotQueue.shift();
    if (next) next();
    else freeSlots++;
  };

  const takeSlot = async (): Promise<void> => {
    if (freeSlots > 0) freeSlots--;
    else await new Promise<void>((resolve) => slotQueue.push(resolve));
  };

  return {
    slots,
    freeSlots: () => freeSlots,
    async answerOf(call, isChat) {
      const given = await (isChat ? chat(call) : complete(call));
      const { text = "", toolCalls = [] } = typeof given === "string" ? { text: given } : given;
      return { ...generate(text, call), toolCalls };
    },
    async withSlot(response, call, work) {
      const disturbance = disturb?.(call);
      if (disturbance) disturbances.set(response, disturbance);
      await takeSlot();
      try {
        if (response.destroyed) return;
        await pause(clock, firstTokenDelayMs + (disturbance?.headDelayMs ?? 0));
        if (response.destroyed) return;
        await (disturbance?.reply ? play(response.req, response, disturbance.reply) : work());
      } finally {
        releaseSlot();
      }
    },
    async eachToken(response, tokens, piece) {
      const place = disturbances.get(response)?.atToken;
      for (const [index, token] of tokens.entries()) {
        await pause(clock, tokenDelayMs);
        if (index === place?.index) {
          await pause(clock, place.pauseMs ?? 0);
          if (place.cut === true) response.destroy();
        }
        if (response.destroyed) return;
        await write(response, piece(token, index));
      }
    },
    takeSlots() {
      const taken = freeSlots;
      freeSlots = 0;
      return () => {
        for (let count = 0; count < taken; count++) releaseSlot();
      };
    },
    isLoading: () => isLoading,
    setLoading(value) {
      isLoading = value;
      if (value) return;
      for (const resolve of loadWaiters) resolve();
      loadWaiters.clear();
    },
    loaded: () => (isLoading ? new Promise((resolve) => void loadWaiters.add(resolve)) : Promise.resolve()),
  };
};
