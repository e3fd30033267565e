import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cacheBudgetBytes,
  createLowMemory,
  lowMemorySentence,
  type LowMemoryMode,
  type LowMemoryReason,
} from "../../../src/memory/lowMemory.ts";
import type { Levels } from "../../../src/memory/monitor.ts";
import { createFakeClock } from "../../fake/clock.ts";

const gb = 2 ** 30;
const normal: Levels = { machine: "normal", host: "normal" };
const short: Levels = { machine: "warning", host: "normal" };

const setUp = (mode: LowMemoryMode = "automatic") => {
  const clock = createFakeClock();
  const setting = { mode };
  const followed: (LowMemoryReason | undefined)[] = [];
  const lowMemory = createLowMemory({
    clock,
    mode: () => setting.mode,
    onChange: () => void followed.push(lowMemory.reason()),
  });
  followed.push(lowMemory.reason());
  /** One sample every ten seconds. */
  const pass = (seconds: number, levels: Levels, machineTotalBytes = 24 * gb) => {
    for (let left = seconds; left > 0; left -= 10) {
      clock.advance(10_000);
      lowMemory.take({ machineTotalBytes }, levels);
    }
  };
  return { setting, followed, pass, lowMemory };
};

test("a peak changes nothing, pressure that lasts does, and it stays for ten minutes after", () => {
  const { followed, pass } = setUp();
  pass(20, short);
  pass(10, normal);
  pass(20, short);
  assert.deepEqual(followed, [undefined]);
  pass(10, short);
  assert.deepEqual(followed, [undefined, "pressure"]);
  pass(590, normal);
  assert.deepEqual(followed, [undefined, "pressure"]);
  pass(10, normal);
  assert.deepEqual(followed, [undefined, "pressure", undefined]);
});

test("while memory is known to be short, every peak begins the ten minutes anew", () => {
  const { followed, pass } = setUp();
  pass(30, short);
  pass(300, normal);
  pass(10, short);
  pass(590, normal);
  assert.deepEqual(followed, [undefined, "pressure"]);
  pass(10, normal);
  assert.deepEqual(followed, [undefined, "pressure", undefined]);
});

test("an extension host in danger waits for nothing", () => {
  const { followed, pass } = setUp();
  pass(10, { machine: "normal", host: "critical" });
  assert.deepEqual(followed, [undefined, "pressure"]);
});

test("a machine with 8 GB has little memory, one with more has not", () => {
  const small = setUp();
  small.pass(10, normal, 8 * gb);
  assert.deepEqual(small.followed, [undefined, "small"]);
  const larger = setUp();
  larger.pass(10, normal, 12 * gb);
  assert.deepEqual(larger.followed, [undefined]);
});

test("the setting decides before everything else, from the start, and takes effect when it is asked again", () => {
  const on = setUp("on");
  assert.deepEqual(on.followed, ["wished"]);
  const off = setUp("off");
  off.pass(100, { machine: "warning", host: "critical" }, 4 * gb);
  assert.deepEqual(off.followed, [undefined]);
  off.setting.mode = "automatic";
  assert.equal(off.lowMemory.reason(), "small");
  off.pass(10, normal, 4 * gb);
  assert.deepEqual(off.followed, [undefined], "whoever asked follows the answer already");
});

test("the worse it is, the less the caches may take", () => {
  const budgets = [
    cacheBudgetBytes(normal, false),
    cacheBudgetBytes(normal, true),
    cacheBudgetBytes(short, true),
    cacheBudgetBytes({ machine: "normal", host: "critical" }, false),
  ];
  assert.deepEqual(
    budgets,
    budgets.toSorted((a, b) => b - a),
  );
  assert.deepEqual([new Set(budgets).size, budgets.at(-1)], [4, 0]);
  assert.equal(cacheBudgetBytes({ machine: "normal", host: "warning" }, false), cacheBudgetBytes(short, false));
});

test("each reason has a sentence of its own", () => {
  const sentences = (["wished", "small", "pressure"] as const).map((reason) =>
    lowMemorySentence(reason, (text) => text),
  );
  assert.equal(new Set(sentences).size, 3);
  for (const sentence of sentences) assert.match(sentence, /^[A-Z][^{}]+\.$/);
});
