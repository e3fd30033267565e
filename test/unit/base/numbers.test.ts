import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCount } from "../../../src/base/numbers.ts";

test("thousands stand apart, and parts of one are rounded away", () => {
  const written = [0, 7, 999, 999.4, 999.6, 1000, 8192, 262_144, 1_234_567].map(formatCount);
  assert.deepEqual(written, ["0", "7", "999", "999", "1,000", "1,000", "8,192", "262,144", "1,234,567"]);
});
