import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { adviceMarkdown, adviceRows } from "../../../src/hardware/adviceTables.ts";
import { findModelFacts } from "../../../src/hardware/models.ts";
import { adviceDevices, adviceModels, english, goldenAdvice } from "../../bench/adviceCases.ts";

// After a change that is meant: UPDATE_GOLDEN=1 node --test test/unit/hardware/adviceTables.test.ts, then read the diff.
suite("golden tables", () => {
  for (const [name, device] of Object.entries(adviceDevices)) {
    test(name, async () => {
      const file = new URL(`../../fixtures/hardware/${name}.md`, import.meta.url);
      if (process.env["UPDATE_GOLDEN"]) await writeFile(file, goldenAdvice(device));
      assert.equal(goldenAdvice(device), await readFile(file, "utf8"));
    });
  }
});

test("a name from outside stays within its cell", () => {
  const device = adviceDevices["rtx3090"];
  const facts = findModelFacts("mistral:7b");
  assert.ok(device && facts);
  const text = adviceMarkdown(adviceRows([{ label: "a|b\n| c <img>", facts }], device), device, english);
  assert.ok(text.includes("| a\\|b \\| c \\<img\\> |"), text);
});

test("advice for six models takes less than 5 ms each", () => {
  const device = adviceDevices["rtx4090"];
  assert.ok(device);
  let best = Infinity;
  for (let run = 0; run < 20; run++) {
    const start = performance.now();
    adviceRows(adviceModels, device);
    best = Math.min(best, performance.now() - start);
  }
  assert.ok(best / adviceModels.length < 5, `${best} ms for ${adviceModels.length}`);
});
