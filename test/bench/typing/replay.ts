import path from "node:path";
import { createCompletionEngine } from "../../../src/completion/engine.ts";
import { createPromptBuilder } from "../../../src/completion/prompt.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { ConfidenceName } from "../../../src/predictor/predictorMessages.ts";
import { createEditor, type Editor } from "./editor.ts";
import type { Hole } from "./holes.ts";
import { learnHoles } from "./learning.ts";
import { oracleProvider, type WireName } from "./oracleProvider.ts";
import { planKeys, randomOf } from "./plan.ts";
import { createVirtualTime } from "./virtualTime.ts";
import type { Recording, Yardstick } from "./yardstick.ts";

export type ReplayOptions = {
  /** The files of one workspace. */
  readonly holes: readonly Hole[];
  readonly seed: number;
  /** Undefined: there is no model. */
  readonly model: ReplayModel | undefined;
  /** Undefined: there is no predictor. */
  readonly confidence: ConfidenceName | undefined;
};

export type ReplayModel = {
  readonly yardstick: Yardstick;
  /** As the yardstick names them: `laptop,errRate=0.12,seed=69`. */
  readonly profile: string;
  /** How the server is asked. */
  readonly wire: WireName;
};

const warmUpUnits = 30;
const settleMs = 3000;
const lastGapMs = 600;

/** Types the holes one after the other with the engine as it is, and records what was on the screen. */
export const replay = async ({ holes, seed, model, confidence }: ReplayOptions): Promise<readonly Recording[]> => {
  const time = createVirtualTime();
  const { clock } = time;
  try {
    const oracle = model && new model.yardstick.Oracle(model.yardstick.profileOf(model.profile));
    oracle?.setFiles(
      holes.map(({ path: file, text, start, end }) => ({ path: file, text, holeStart: start, holeEnd: end })),
    );
    const learning = confidence && learnHoles(holes, confidence, clock);
    let editor: Editor | undefined;
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
      ...(model && oracle
        ? { model: { provider: oracleProvider(oracle, clock, model.yardstick, model.wire), model: "oracle" } }
        : {}),
      ...(learning ? { predictor: learning.source } : {}),
    });
    const recordings: Recording[] = [];
    for (const hole of holes) {
      const { text, start, end } = hole;
      editor = createEditor({
        clock,
        engine,
        random: randomOf(seed * 7919 + hole.number),
        documentId: `file://${hole.path}`,
        path: hole.path,
        languageId: hole.languageId,
        prefix: text.slice(0, start),
        suffix: text.slice(end),
      });
      await time.pass(settleMs);
      oracle?.reset();
      const keys = planKeys(text, start, end, seed * 1000 + hole.number);
      const events: Recording["ev"][number][] = [];
      let startedMs = 0;
      let firstRequest = 0;
      let typedKeys = 0;
      let dueMs = clock.nowMs() + 300;
      for (const [i, key] of keys.entries()) {
        await time.pass(dueMs - clock.nowMs());
        if (events.length === 0 && key.at - start >= warmUpUnits) {
          firstRequest = oracle?.requests.length ?? 0;
          startedMs = clock.nowMs();
          events.push({ t: startedMs, caret: key.at, kind: "start" });
        }
        const gapMs = keys[i + 1]?.gapMs ?? lastGapMs;
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
        learning?.typed(hole, key.after);
      }
      await time.pass(dueMs - clock.nowMs());
      recordings.push({
        profile: model?.profile,
        f: { name: path.basename(hole.path), text, start, end },
        ev: events,
        cap: { end: clock.nowMs(), samples: editor.drawn },
        t00: startedMs,
        reqs: oracle?.requests.slice(firstRequest) ?? [],
        counts: { typedKeys, acc: 0, accChars: 0, accBad: 0, keysSaved: 0 },
      });
    }
    engine.dispose();
    return recordings;
  } finally {
    time.dispose();
  }
};
