import assert from "node:assert/strict";
import { test } from "node:test";
import { graphicsBytesOf } from "../../../src/host/memoryGraphics.ts";

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
