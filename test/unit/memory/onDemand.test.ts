import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { countedBytes, readDisk, readNetwork } from "../../../src/memory/onDemand.ts";
import { createFakeClock } from "../../fake/clock.ts";

const table = (received: number, sent: number) => `Inter-|   Receive                      |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 999999    1    0    0    0     0          0         0   999999       1    0    0    0     0       0          0
  eth0:${received}  4831    0    0    0     0          0         0 ${sent}    2911    0    0    0     0       0          0
 wlan0: 1000    1    0    0    0     0          0         0     2000       1    0    0    0     0       0          0
`;

test("all networks but the loopback count", () => {
  assert.deepEqual(countedBytes(table(5000, 700)), { received: 6000, sent: 2700 });
  assert.deepEqual(countedBytes(""), { received: 0, sent: 0 });
});

test("what went over in half a second is told for a second; where there are no counters, nothing", async () => {
  const clock = createFakeClock();
  const tables = [table(5000, 700), table(9000, 1200)];
  const reading = readNetwork(clock, undefined, () => Promise.resolve(tables.shift()!));
  await clock.timer(500);
  clock.advance(500);
  assert.deepEqual(await reading, { receivedBytesPerSecond: 8000, sentBytesPerSecond: 1000 });
  assert.equal(await readNetwork(clock, undefined, () => Promise.reject(new Error("no such file"))), undefined);
});

test("the disk of a folder; one that is not there is unknown", async () => {
  const disk = await readDisk(os.tmpdir());
  assert.ok(disk && disk.freeBytes >= 0 && disk.totalBytes >= disk.freeBytes);
  assert.equal(await readDisk("/does/not/exist"), undefined);
});
