import { createNextEdit } from "../../../src/nextEdit/nextEdit.ts";
import { applyPlace } from "../../../src/nextEdit/rule.ts";
import type { Scenario } from "./scenarios.ts";

/** `missed`: nothing was offered where something was expected; `wrong`: something else was offered than expected. */
export type Verdict = { readonly result: "right" | "missed" | "wrong"; readonly offered: string | undefined };

const mark = /⟦([^⇒⟧]*)⇒([^⟧]*)⟧|⟪([^⇒⟫]*)⇒([^⟫]*)⟫/gs;

/** The document after the first `done` edits; with `isNextDone`, the expected one is made as well. */
const textAfter = (scenario: Scenario, done: number, isNextDone: boolean): string => {
  let edits = 0;
  return scenario.text.replaceAll(mark, (_, from?: string, to?: string, oldNext?: string, newNext?: string) => {
    if (from !== undefined) return (++edits <= done ? to : from) ?? "";
    return (isNextDone ? newNext : oldNext) ?? "";
  });
};

/** Makes the edits of a scenario and looks at what is offered then. */
export const judge = (scenario: Scenario): Verdict => {
  const count = scenario.text.match(/⟦/g)?.length ?? 0;
  const nextEdit = createNextEdit(textAfter(scenario, 0, false), scenario.languageId);
  for (let done = 1; done <= count; done++) nextEdit.update(textAfter(scenario, done, false));
  const text = textAfter(scenario, count, false);
  const edit = nextEdit.next();
  const offered = edit && applyPlace(text, edit);
  const isExpected = scenario.text.includes("⟪");
  if (offered === undefined) return { result: isExpected ? "missed" : "right", offered };
  const isRight = isExpected && offered === textAfter(scenario, count, true);
  return { result: isRight ? "right" : "wrong", offered };
};

/** How many scenarios came to which end, and the names of those that were not right. */
export const judgeAll = (all: readonly Scenario[]) => {
  const verdicts = all.map((scenario) => ({ ...judge(scenario), name: scenario.name }));
  const named = (result: Verdict["result"]) => verdicts.filter((verdict) => verdict.result === result);
  return { right: named("right"), missed: named("missed"), wrong: named("wrong") };
};
