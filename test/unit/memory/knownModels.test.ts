import assert from "node:assert/strict";
import { test } from "node:test";
import { createKnownModels, keepAliveMs } from "../../../src/memory/knownModels.ts";
import type { ModelServer } from "../../../src/memory/modelServer.ts";
import { createFakeClock } from "../../fake/clock.ts";

const minuteMs = 60_000;

const setUp = (isManaging = true) => {
  const clock = createFakeClock();
  const unused: string[] = [];
  const known = createKnownModels({
    clock,
    isManaging: () => isManaging,
    onUnused: ({ model }) => void unused.push(model),
  });
  const server = { origin: "http://gpu:11434", tellsLastUse: true } as ModelServer;
  const use = (model: string, isOurs = true) => {
    const entry = known.remember(server, model);
    known.startUse(entry);
    entry.isOurs = isOurs;
    known.endUse(entry);
    return entry;
  };
  return { clock, known, unused, server, use };
};

test("an unused model stays for four of its usual pauses, five minutes to half an hour", () => {
  assert.equal(keepAliveMs(undefined), 30 * minuteMs);
  assert.equal(keepAliveMs(minuteMs), 5 * minuteMs);
  assert.equal(keepAliveMs(4 * minuteMs), 16 * minuteMs);
  assert.equal(keepAliveMs(1440 * minuteMs), 30 * minuteMs);
});

test("the pauses between uses are learned, those between two keys are none", () => {
  const { clock, known, unused, use } = setUp();
  use("a");
  clock.advance(4 * minuteMs);
  const entry = use("a");
  clock.advance(1000);
  assert.equal(use("a"), entry, "it is known");
  assert.equal(entry.usualPauseMs, 4 * minuteMs);
  assert.deepEqual(known.next(), { model: "a", atMs: clock.dateMs() + 16 * minuteMs });
  clock.advance(16 * minuteMs - 1);
  assert.deepEqual(unused, []);
  clock.advance(1);
  assert.deepEqual(unused, ["a"]);
  assert.equal(known.next(), undefined);
});

test("a model in use, one of somebody else's, and one that leaves have no time that runs", () => {
  const { clock, known, use } = setUp();
  use("theirs", false);
  const entry = use("a");
  known.startUse(entry);
  assert.deepEqual(clock.pending(), []);
  known.endUse(entry);
  known.leave(entry.key);
  assert.deepEqual([clock.pending(), entry.seenAtMs], [[], Number.NEGATIVE_INFINITY]);
  const unmanaged = setUp(false);
  unmanaged.use("a");
  assert.deepEqual(unmanaged.clock.pending(), []);
});

test("after the end no time begins, and none runs", () => {
  const { clock, known, use } = setUp();
  use("a");
  known.dispose();
  use("b");
  assert.deepEqual(clock.pending(), []);
});
