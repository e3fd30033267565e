import assert from "node:assert/strict";
import { test } from "node:test";
import { isAbortError } from "../../../src/base/abort.ts";
import type { CompletionRequest } from "../../../src/provider/provider.ts";
import { createRace } from "../../../src/provider/race.ts";
import { createScriptedProvider, settle } from "./scriptedProvider.ts";

const request: CompletionRequest = { prefix: "", suffix: "", maxTokens: 1 };

/** Three runners whose answers the test gives. */
const createField = (signal?: AbortSignal) => {
  const race = createRace<number>(signal, { wantsText: true });
  const provider = createScriptedProvider("a");
  for (const about of [0, 1, 2]) race.start(about, (own) => provider.streamCompletion(request, { signal: own }));
  return { race, calls: provider.calls };
};

test("a cancellation after the race was won, before anything was handed out, hands out nothing", async () => {
  const controller = new AbortController();
  const { race, calls } = createField(controller.signal);
  await settle();
  calls[1]!.text("x");
  const { winner } = await race.result;
  assert.equal(winner?.about, 1);
  controller.abort();
  await assert.rejects(winner.parts().next(), isAbortError);
  assert.ok(calls[1]!.isClosed());
});

test("answers without text that are not used are closed, too", async () => {
  for (const winner of [2, undefined]) {
    const { race, calls } = createField();
    await settle();
    // Not ended: each still waits for somebody to take its end.
    for (const index of [0, 1]) calls[index]!.end();
    await settle();
    if (winner === undefined) calls[2]!.end();
    else calls[2]!.text("x");
    const result = await race.result;
    assert.equal(result.winner?.about, winner ?? 0);
    await settle();
    assert.deepEqual(
      calls.map((call) => call.isClosed()),
      winner === undefined ? [false, true, true] : [true, true, false],
    );
  }
});

test("nobody joins a race that is over", async () => {
  const { race, calls } = createField();
  await settle();
  calls[0]!.text("x");
  await race.result;
  assert.ok(race.isOver);
  race.start(3, () => assert.fail("started"));
});
