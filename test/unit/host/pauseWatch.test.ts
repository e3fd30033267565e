import assert from "node:assert/strict";
import { test } from "node:test";
import { watchPauses, type Pause } from "../../../src/host/pauseWatch.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";

test("a pause is shown while a request waits for it, and there is no timer without requests", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const shown: (number | undefined)[] = [];
  let pause: Pause | undefined;
  const watch = watchPauses({
    clock,
    ledger,
    longestPause: () => pause,
    show: (now) => void shown.push(now?.pausedMs),
  });
  clock.advance(10_000);
  assert.deepEqual([shown, clock.pending()], [[], []]);

  const request = ledger.startRequest({ feature: "chat", provider: "openrouter", model: "m" });
  clock.advance(1000);
  assert.deepEqual(shown, []);
  pause = { host: "h", pausedMs: 3000 };
  clock.advance(1000);
  pause = { host: "h", pausedMs: 2000 };
  clock.advance(1000);
  pause = undefined;
  clock.advance(2000);
  assert.deepEqual(shown, [3000, 2000, undefined]);

  pause = { host: "h", pausedMs: 9000 };
  clock.advance(1000);
  request.end("cancelled");
  clock.advance(1000);
  assert.deepEqual(shown.slice(3), [9000, undefined]);
  assert.deepEqual(clock.pending(), []);

  ledger.startRequest({ feature: "chat", provider: "openrouter", model: "m" });
  watch.dispose();
  assert.deepEqual(clock.pending(), []);
});
