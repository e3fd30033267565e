import assert from "node:assert/strict";
import { test } from "node:test";
import { graphicsBytesOf, graphicsUseOf } from "../../../src/host/memoryGraphics.ts";

const gb = 2 ** 30;

test("own memory of cards adds up; what a chip shares with the machine is none, and a part that is mapped is not all", () => {
  for (const [gpus, expected] of [
    [[], 0],
    [
      [
        { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gb },
        { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gb },
      ],
      48 * gb,
    ],
    [[{ name: "AMD Radeon RX 7900 XTX", memoryBytes: 256 * 2 ** 20 }], 24 * gb],
    [[{ name: "Apple M4 Pro", memoryBytes: undefined }], 0],
    [[{ name: "Some chip", memoryBytes: 8 * gb, sharesMemory: true }], 0],
    [[{ name: "A card that no table knows", memoryBytes: 12 * gb }], 12 * gb],
    [[{ name: "Intel UHD Graphics", memoryBytes: undefined }], 0],
  ] as const) {
    assert.equal(graphicsBytesOf(gpus), expected, JSON.stringify(gpus));
  }
});

test("what is in use counts where drivers tell what is free, and no chip that shares the machine's memory", () => {
  const known = { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gb, freeBytes: 20 * gb };
  const silent = { name: "AMD Radeon RX 7900 XTX", memoryBytes: 24 * gb };
  const shared = { name: "Some chip", memoryBytes: 8 * gb, freeBytes: gb, sharesMemory: true };
  assert.deepEqual(graphicsUseOf([known, known, silent, shared]), { usedBytes: 8 * gb, totalBytes: 48 * gb });
  assert.equal(graphicsUseOf([silent, shared]), undefined);
  assert.deepEqual(graphicsUseOf([{ ...known, freeBytes: 25 * gb }]), { usedBytes: 0, totalBytes: 24 * gb });
});
