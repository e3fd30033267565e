import path from "node:path";
import type { Clock } from "../../../src/base/clock.ts";
import { createCompletionEngine } from "../../../src/completion/engine.ts";
import { createPromptBuilder } from "../../../src/completion/prompt.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createPredictor, showableConfidence, type Predictor } from "../../../src/predictor/predictor.ts";
import type { PredictionSource } from "../../../src/predictor/predictorService.ts";
import { beforeCursor } from "../../../src/provider/completionText.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts } from "../../../src/provider/fim.ts";
import type { Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createEditor } from "./editor.ts";
import { planKeys, randomOf } from "./plan.ts";
import { createVirtualTime } from "./virtualTime.ts";
import type { Oracle, Recording, Yardstick } from "./yardstick.ts";

/** A file of which `text.slice(start, end)` is typed. */
export type Hole = {
  readonly path: string;
  readonly languageId: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

export type ReplayOptions = {
  readonly yardstick: Yardstick;
  readonly holes: readonly Hole[];
  /** As the yardstick names them: `laptop,errRate=0.12,seed=69`. */
  readonly profile: string;
  readonly seed: number;
  readonly hasPredictor: boolean;
  /** How the server is asked. Default: llama.cpp's way. */
  readonly wire?: WireName;
};

/**
 * - `llamacpp`: a raw prompt with the model's marks, and the server tells how much of it was in its cache.
 * - `openai-compatible`: prompt and suffix apart, and the server puts what was typed before the suffix; it tells, too.
 * - `ollama`: the same of a model whose own template has no plain marks, and the server does not tell.
 */
export const wireNames = ["llamacpp", "ollama", "openai-compatible"] as const;
export type WireName = (typeof wireNames)[number];

const warmUpUnits = 30;
const wireMs = 1.5;
const settleMs = 3000;
const predictMs = 0.4;

const languageIds: Readonly<Record<string, string>> = {
  ".c": "c",
  ".cc": "cpp",
  ".cpp": "cpp",
  ".go": "go",
  ".h": "c",
  ".java": "java",
  ".js": "javascript",
  ".mjs": "javascript",
  ".py": "python",
  ".rs": "rust",
  ".ts": "typescript",
};

export const languageOf = (file: string): string => languageIds[path.extname(file)] ?? "plaintext";

const unused = () => {
  throw new Error("not used by the engine");
};

/** The yardstick's model server as the adapter of that name meets it, in virtual time. */
const oracleProvider = (oracle: Oracle, clock: Clock, yardstick: Yardstick, wire: WireName): Provider => {
  const template = findFimTemplate("qwen2.5-coder")!;
  const fillInMiddle = wire === "llamacpp" ? "raw-template" : "suffix-parameter";
  return {
    kind: wire,
    origin: "http://127.0.0.1:1",
    models: unused,
    capabilities: () =>
      Promise.resolve({
        model: "oracle",
        fillInMiddle,
        contextTokens: wire === "openai-compatible" ? undefined : 32_768,
        slots: wire === "llamacpp" ? 1 : undefined,
      }),
    health: unused,
    streamChat: unused,
    validateConnection: unused,
    async *streamCompletion(request, { signal } = {}): AsyncGenerator<StreamPart> {
      const parts: (StreamPart | Error)[] = [];
      let wake = Promise.withResolvers<void>();
      const push = (part: StreamPart | Error) => {
        parts.push(part);
        wake.resolve();
      };
      const onClose: (() => void)[] = [];
      const response = {
        on: (_: string, callback: () => void) => void onClose.push(callback),
        writableFinished: false,
      };
      signal?.addEventListener("abort", () => {
        clock.after(wireMs, () => onClose.forEach((callback) => callback()));
        push(new DOMException("cancelled", "AbortError"));
      });
      // A template of the server's own knows no text behind the middle mark.
      const inOrder = wire === "llamacpp" ? request : { ...request, prefix: beforeCursor(request), typed: "" };
      const prompt = buildFimPrompt(template, inOrder);
      const task = {
        ep: "completion",
        prompt,
        ...yardstick.splitFim(prompt),
        nPredict: request.maxTokens,
        stop: serverStops(stopTexts(request.stop, template)) ?? [],
      };
      const onToken = (text: string) => clock.after(wireMs, () => push({ type: "text", text }));
      const submit = async () => {
        const { rec } = await oracle.submit(undefined, response, task, onToken);
        const usage = {
          promptTokens: rec.prompt,
          generatedTokens: rec.generated,
          ...(wire === "ollama" ? {} : { cachedTokens: rec.cached }),
        };
        const reason = rec.finish === "limit" ? ("length" as const) : ("stop" as const);
        clock.after(wireMs, () => push({ type: "end", reason, usage }));
      };
      clock.after(wireMs, () => {
        if (signal?.aborted !== true) void submit();
      });
      for (;;) {
        const part = parts.shift();
        if (part === undefined) {
          await wake.promise;
          wake = Promise.withResolvers();
        } else if (part instanceof Error) throw part;
        else {
          yield part;
          if (part.type === "end") return;
        }
      }
    },
  };
};

/** The predictor as its thread answers. */
const predictionSource = (predictor: Predictor, clock: Clock): PredictionSource => ({
  predict: ({ path: file, prefix, suffix }) => {
    const found = predictor.predict(file, prefix, suffix);
    const answer = found && found.confidence >= showableConfidence ? found : undefined;
    return new Promise((resolve) => clock.after(predictMs, () => resolve(answer)));
  },
  feedback: (outcome) => predictor.feedback(outcome),
});

/** Types the holes one after the other with the engine as it is, and records what was on the screen. */
export const replay = async (options: ReplayOptions): Promise<readonly Recording[]> => {
  const { yardstick, holes, profile, seed } = options;
  const time = createVirtualTime();
  const { clock } = time;
  try {
    const oracle = new yardstick.Oracle(yardstick.profileOf(profile));
    oracle.setFiles(
      holes.map(({ path: file, text, start, end }) => ({ path: file, text, holeStart: start, holeEnd: end })),
    );
    const predictor = createPredictor();
    for (const { path: file, text, start, end } of holes) predictor.index(file, text.slice(0, start) + text.slice(end));
    const engine = createCompletionEngine({
      clock,
      ledger: createLedger({ clock }),
      prompts: createPromptBuilder({ clock }),
      onBetter: (snapshot) => editor?.showAgain(snapshot),
      onSuccess: () => {},
      onFailure: (error) => {
        throw error;
      },
    });
    engine.use({
      model: { provider: oracleProvider(oracle, clock, yardstick, options.wire ?? "llamacpp"), model: "oracle" },
      ...(options.hasPredictor ? { predictor: predictionSource(predictor, clock) } : {}),
    });
    let editor: ReturnType<typeof createEditor> | undefined;
    const recordings: Recording[] = [];
    for (const [number, hole] of holes.entries()) {
      const { text, start, end } = hole;
      editor = createEditor({
        clock,
        engine,
        random: randomOf(seed * 7919 + number),
        documentId: `file://${hole.path}`,
        path: hole.path,
        languageId: hole.languageId,
        prefix: text.slice(0, start),
        suffix: text.slice(end),
      });
      await time.pass(settleMs);
      oracle.reset();
      const keys = planKeys(text, start, end, seed * 1000 + number);
      const events: Recording["ev"][number][] = [];
      let startedMs = 0;
      let firstRequest = 0;
      let typedKeys = 0;
      let dueMs = clock.nowMs() + 300;
      for (const [i, key] of keys.entries()) {
        await time.pass(dueMs - clock.nowMs());
        if (events.length === 0 && key.at - start >= warmUpUnits) {
          firstRequest = oracle.requests.length;
          startedMs = clock.nowMs();
          events.push({ t: startedMs, caret: key.at, kind: "start" });
        }
        const gapMs = keys[i + 1]?.gapMs ?? 600;
        if (events.length > 0) {
          events.push({ t: clock.nowMs(), caret: key.after, kind: "key", i, gap: gapMs });
          typedKeys++;
        }
        // The yardstick presses Enter and inserts the indentation behind it.
        const isIndented = key.text.startsWith("\n") && key.text.length > 1;
        editor.type(isIndented ? "\n" : key.text);
        dueMs = clock.nowMs() + gapMs;
        if (isIndented) {
          await time.pass(4);
          editor.type(key.text.slice(1));
        }
      }
      await time.pass(dueMs - clock.nowMs());
      recordings.push({
        profile,
        f: { name: path.basename(hole.path), text, start, end },
        ev: events,
        cap: { end: clock.nowMs(), samples: editor.drawn },
        t00: startedMs,
        reqs: oracle.requests.slice(firstRequest),
        counts: { typedKeys, acc: 0, accChars: 0, accBad: 0, keysSaved: 0 },
      });
    }
    engine.dispose();
    return recordings;
  } finally {
    time.dispose();
  }
};
