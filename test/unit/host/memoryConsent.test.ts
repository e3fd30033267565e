import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resident } from "../../../src/memory/residencyPlan.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { person } from "../../fake/vscode.ts";

const { createConsent } = await import("../../../src/host/memoryConsent.ts");

const models = (...names: readonly string[]) => names.map((model) => ({ model }) as Resident);
const signal = new AbortController().signal;

test("a no holds for an hour and for these models, a yes for this once", async () => {
  const clock = createFakeClock();
  const mayEvict = createConsent(clock);
  person.reset({ press: "Keep it" }, { press: "Unload" }, { press: "Unload" }, { press: "Keep it" });
  assert.equal(await mayEvict(models("a"), signal), false);
  assert.equal(await mayEvict(models("a", "b"), signal), true, "another question");
  clock.advance(3_599_999);
  assert.equal(await mayEvict(models("a"), signal), false);
  assert.equal(person.said().length, 2);
  clock.advance(1);
  assert.equal(await mayEvict(models("a"), signal), true);
  assert.equal(await mayEvict(models("a"), signal), false);
  assert.equal(person.said().length, 4);
});

test("whoever gives up leaves the question standing for the next", async () => {
  const mayEvict = createConsent(createFakeClock());
  person.reset({ press: "Keep it" });
  const gone = new AbortController();
  const first = mayEvict(models("a"), gone.signal);
  const second = mayEvict(models("a"), signal);
  gone.abort();
  await assert.rejects(first, { name: "AbortError" });
  assert.equal(await second, false);
  assert.equal(person.said().length, 1);
});
