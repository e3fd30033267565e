import assert from "node:assert/strict";
import { test } from "node:test";
import { heldOut } from "./heldOut.ts";
import { judge, judgeAll } from "./judge.ts";
import { scenarios } from "./scenarios.ts";

// What the rules promise: right in at least half, wrong in at most one of ten.
for (const [name, all] of [
  ["written before the rules", scenarios],
  ["held out", heldOut],
] as const) {
  test(`of the scenarios ${name}, half are right and at most one of ten is wrong`, (context) => {
    const { right, missed, wrong } = judgeAll(all);
    context.diagnostic(`${right.length} right, ${missed.length} missed, ${wrong.length} wrong of ${all.length}`);
    assert.ok(wrong.length * 10 <= all.length, wrong.map(({ name: which }) => which).join("; "));
    const expected = all.filter(({ text }) => text.includes("⟪"));
    const met = judgeAll(expected).right;
    assert.ok(met.length * 2 >= expected.length, `${met.length} of ${expected.length}`);
  });
}

test("there are at least 30 scenarios, ten of them with nothing to offer", () => {
  assert.ok(scenarios.length >= 30);
  assert.ok(scenarios.filter(({ text }) => !text.includes("⟪")).length >= 10);
});

// Each of these holds today; a change that loses one should be seen.
for (const scenario of [...scenarios, ...heldOut]) {
  test(`${scenario.languageId}: ${scenario.name}`, () => {
    const { result, offered } = judge(scenario);
    assert.equal(result, "right", offered ?? "nothing was offered");
  });
}
