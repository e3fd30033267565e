import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createToolChooser } from "../../../src/assistant/toolChooser.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { allToolSelections, recallOf } from "../../../src/metrics/toolTally.ts";
import type { ToolDefinition } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { measureSessions, type ToolSession } from "../../fake/toolSession.ts";

const readLines = <T>(name: string): T[] =>
  readFileSync(new URL(`../../fixtures/tools/agent/${name}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

const tools = readLines<ToolDefinition>("agent.tools.jsonl").map(({ name, description, parameters }) => ({
  name,
  description,
  parameters,
}));
const sessions = readLines<ToolSession>("agent.sessions.jsonl");

/** Plays all conversations in one window, or each in a window that has learned nothing. */
const play = async ({ count, forgets = false }: { count: number | undefined; forgets?: boolean }) => {
  const ledger = createLedger({ clock: createFakeClock() });
  const open = () => createToolChooser({ ledger, count: () => count });
  const shared = open();
  const figures = await measureSessions(sessions, {
    toolsOf: () => tools,
    turnsOf: () => ({ ledger, turns: forgets ? open() : shared }),
  });
  return { ...figures, totals: ledger.snapshot().tools };
};

test("of 128 tools a fifth or less is read before the first word, and nearly every turn has what it needs", async () => {
  const all = await play({ count: undefined });
  assert.equal(tools.length, 128);
  assert.ok(all.firstTurnTokens > 20_000, `${all.firstTurnTokens}`);
  for (const forgets of [false, true]) {
    const chosen = await play({ count: 12, forgets });
    const times = all.firstTurnTokens / chosen.firstTurnTokens;
    assert.ok(times >= 5, `sending all takes ${times.toFixed(1)} times as long`);
    assert.ok(chosen.laterTurnTokens < 1_000, `${chosen.laterTurnTokens} tokens at the start of a later turn`);
    assert.ok(chosen.coveredShare >= 0.9, `${chosen.coveredShare} of the turns had every tool they needed`);
    assert.equal(chosen.brokenPrefixes, 0, "no prompt had to be read anew");
    // The sums are those of the window that was opened last.
    if (forgets) continue;
    assert.ok(chosen.totals);
    const recall = recallOf(allToolSelections(chosen.totals)) ?? 0;
    assert.ok(recall > 0.8, `${recall} of the calls without a question`);
    assert.ok(chosen.totals.promptTokensSaved > sessions.length * 15_000, `${chosen.totals.promptTokensSaved} saved`);
  }
});
