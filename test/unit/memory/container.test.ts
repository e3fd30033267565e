import assert from "node:assert/strict";
import { test } from "node:test";
import { readContainerMemory } from "../../../src/memory/container.ts";
import { machineMemory, type MachineReadings } from "../../../src/memory/machine.ts";

const gb = 2 ** 30;
const machineBytes = 24 * gb;
const read = (files: Record<string, string>) => readContainerMemory(machineBytes, (path) => files[path]);

test("a container limit of 2 GB on a 24 GB machine is seen, version 2", () => {
  const files = {
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.max": `${2 * gb}\n`,
    "/sys/fs/cgroup/memory.current": `${1.5 * gb}\n`,
    "/sys/fs/cgroup/memory.stat": `anon 1\ninactive_file ${0.5 * gb}\nactive_file 5\n`,
  };
  assert.deepEqual(read(files), { limitBytes: 2 * gb, availableBytes: gb });
});

test("the smallest limit above counts, and the least that is left anywhere", () => {
  const files = {
    "/proc/self/cgroup": "0::/user.slice/app.scope\n",
    "/sys/fs/cgroup/user.slice/app.scope/memory.max": `${4 * gb}\n`,
    "/sys/fs/cgroup/user.slice/app.scope/memory.current": `${gb}\n`,
    "/sys/fs/cgroup/user.slice/memory.max": `${8 * gb}\n`,
    "/sys/fs/cgroup/user.slice/memory.current": `${7 * gb}\n`,
    "/sys/fs/cgroup/memory.max": "max\n",
  };
  assert.deepEqual(read(files), { limitBytes: 4 * gb, availableBytes: gb });
});

test("a container limit of 2 GB is seen, version 1, also where the path is the machine's", () => {
  const files = {
    "/proc/self/cgroup": "12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n0::/system.slice\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${2 * gb}\n`,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${gb}\n`,
    "/sys/fs/cgroup/memory/memory.stat": `inactive_file 7\ntotal_inactive_file ${0.25 * gb}\n`,
  };
  assert.deepEqual(read(files), { limitBytes: 2 * gb, availableBytes: 1.25 * gb });
});

test("no limit: none set, larger than the machine, unreadable, damaged, another system", () => {
  const one = (limit: string) => read({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": limit });
  assert.equal(one("max\n"), undefined);
  assert.equal(one(`${64 * gb}\n`), undefined);
  assert.equal(one("0\n"), undefined);
  assert.equal(one("two\n"), undefined);
  assert.equal(read({}), undefined);
  assert.equal(read({ "/proc/self/cgroup": "\n:::\nnonsense\n" }), undefined);
  assert.equal(
    read({
      "/proc/self/cgroup": "5:memory:/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }),
    undefined,
  );
});

test("more in use than allowed leaves nothing", () => {
  const files = {
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.max": `${gb}\n`,
    "/sys/fs/cgroup/memory.current": `${2 * gb}\n`,
  };
  assert.deepEqual(read(files), { limitBytes: gb, availableBytes: 0 });
});

test("what counts as available on each system", () => {
  const readings: MachineReadings = {
    platform: "linux",
    totalBytes: machineBytes,
    freeBytes: 10 * gb,
    availableBytes: 9 * gb,
    constrainedBytes: 0,
    container: undefined,
  };
  const whole = { totalBytes: machineBytes, availableBytes: 10 * gb };
  assert.deepEqual(machineMemory(readings), whole);
  assert.deepEqual(machineMemory({ ...readings, constrainedBytes: 18446744073709552000 }), whole);
  assert.deepEqual(machineMemory({ ...readings, platform: "darwin", freeBytes: 23e6, availableBytes: 11.9 * gb }), {
    totalBytes: machineBytes,
    availableBytes: 11.9 * gb,
  });
  assert.deepEqual(machineMemory({ ...readings, constrainedBytes: 2 * gb, availableBytes: gb }), {
    totalBytes: 2 * gb,
    availableBytes: gb,
  });
  const container = { limitBytes: 2 * gb, availableBytes: 1.5 * gb };
  assert.deepEqual(machineMemory({ ...readings, constrainedBytes: 2 * gb, container }), {
    totalBytes: 2 * gb,
    availableBytes: 1.5 * gb,
  });
  assert.equal(machineMemory({ ...readings, freeBytes: gb, container }).availableBytes, gb);
});
