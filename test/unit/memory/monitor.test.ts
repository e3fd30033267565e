import assert from "node:assert/strict";
import { test } from "node:test";
import { createActivityMeter } from "../../../src/memory/activity.ts";
import { createMemoryMonitor, type Alert } from "../../../src/memory/monitor.ts";
import type { MemorySample } from "../../../src/memory/sample.ts";
import { assessTrend } from "../../../src/memory/trend.ts";
import { createFakeClock } from "../../fake/clock.ts";

const gb = 2 ** 30;

const setUp = () => {
  const clock = createFakeClock();
  const now = { rssBytes: 0.3 * gb, usedShare: 0.5 };
  let taken = 0;
  const sample = (): MemorySample => {
    taken++;
    return {
      atMs: clock.dateMs(),
      hostRssBytes: now.rssBytes,
      hostHeapBytes: 0.1 * gb,
      hostHeapLimitBytes: 4 * gb,
      machineTotalBytes: 1000,
      machineAvailableBytes: 1000 * (1 - now.usedShare),
    };
  };
  const monitor = createMemoryMonitor({ clock, intervalMs: 10_000, sample });
  return { clock, now, monitor, taken: () => taken };
};

test("every 10 s in use, every 60 s idle, never when hidden", () => {
  const { clock, monitor, taken } = setUp();
  monitor.setPace("active");
  clock.advance(60_000);
  assert.equal(taken(), 7);
  monitor.setPace("idle");
  clock.advance(59_000);
  assert.equal(taken(), 7);
  clock.advance(1000);
  assert.equal(taken(), 8);
  monitor.setPace("active");
  assert.equal(taken(), 9);
  monitor.setPace("paused");
  clock.advance(600_000);
  assert.equal(taken(), 9);
  assert.deepEqual(clock.pending(), []);
  monitor.setPace("idle");
  assert.equal(taken(), 10);
  monitor.dispose();
  assert.deepEqual(clock.pending(), []);
});

test("alerts come once for each time that a level becomes worse, and are counted", () => {
  const { clock, now, monitor } = setUp();
  const alerts: string[] = [];
  const listening = monitor.onAlert(({ of, level }: Alert) => alerts.push(`${of} ${level}`));
  monitor.setPace("active");
  const be = (usedShare: number, rssGb: number) => {
    Object.assign(now, { usedShare, rssBytes: rssGb * gb });
    clock.advance(10_000);
  };
  be(0.82, 0.3);
  be(0.78, 1.2);
  be(0.81, 2.5);
  be(0.5, 1.5);
  be(0.5, 0.3);
  be(0.9, 2.2);
  assert.deepEqual(alerts, ["machine warning", "host warning", "host critical", "machine warning", "host critical"]);
  assert.deepEqual(monitor.levels(), { machine: "warning", host: "critical" });
  const { samples, machineAlerts, hostWarnings, hostCriticals, hostPeakBytes, machinePeakShare, ...averages } =
    monitor.statistics();
  assert.deepEqual([samples, machineAlerts, hostWarnings, hostCriticals], [7, 2, 1, 2]);
  assert.equal(hostPeakBytes, 2.5 * gb);
  assert.ok(Math.abs(machinePeakShare - 0.9) < 1e-9);
  assert.ok(Math.abs(averages.hostAverageBytes - (8.3 / 7) * gb) < 10);
  assert.ok(Math.abs(averages.machineAverageShare - 4.81 / 7) < 1e-9);
  listening.dispose();
  be(0.5, 0.3);
  be(0.9, 0.3);
  assert.equal(alerts.length, 5);
});

test("the trend is that of the last two hours", () => {
  const { clock, now, monitor } = setUp();
  monitor.setPace("active");
  assert.equal(assessTrend(monitor.history()).trend, "stable");
  // One more than the history holds before it is cut.
  for (let step = 0; step < 1441; step++) {
    now.rssBytes += 1e6;
    clock.advance(10_000);
  }
  assert.equal(assessTrend(monitor.history()).possibleLeak, true);
  assert.equal(Math.round(assessTrend(monitor.history()).bytesPerHour / 1e6), 360);
  for (let step = 0; step < 720; step++) clock.advance(10_000);
  assert.equal(monitor.history().length, 720);
  assert.equal(assessTrend(monitor.history()).trend, "stable");
});

test("a listener may stop the monitor", () => {
  const { clock, monitor, taken } = setUp();
  monitor.setPace("active");
  monitor.onSample(() => monitor.setPace("paused"));
  clock.advance(10_000);
  assert.deepEqual(clock.pending(), []);
  assert.equal(taken(), 2);
});

test("work is measured between two readings, without waiting", async (t) => {
  const clock = createFakeClock();
  const meter = createActivityMeter({ clock });
  t.after(() => meter.dispose());
  const kept: object[] = [];
  for (let index = 0; index < 2_000_000; index++) kept.push({ index });
  // The observer hears of collections in a task of its own.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  const busy = meter.read();
  assert.ok(kept.length > 0 && busy.longestGcMs > 0 && busy.gcShare > 0 && busy.gcShare <= 1, JSON.stringify(busy));
  assert.ok(busy.hostCpuCores > 0, JSON.stringify(busy));
  const share = busy.machineCpuShare;
  assert.ok(share === undefined || (share >= 0 && share <= 1));
  clock.advance(10_000);
  assert.ok(meter.read().longestGcMs <= busy.longestGcMs);
});
