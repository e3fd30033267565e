import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** How many tests ended how; suites are not counted. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The name of the test that marks the end of a run. */
export const endOfRunName = "(end of run)";

export const noTests: TestCounts = { passed: 0, failed: 0, skipped: 0 };

/** Whether the run's last test has just ended. */
export function isEnd(event: TestEvent): boolean {
  return (event.type === "test:pass" || event.type === "test:fail") && event.data.name === endOfRunName;
}

/** The counts after an event. */
export function addToCounts(counts: TestCounts, event: TestEvent): TestCounts {
  if (isEmptyFile(event)) return { ...counts, failed: counts.failed + 1 };
  if (event.type === "test:fail" && !failedByItsChildren(event.data.details.error)) {
    return { ...counts, failed: counts.failed + 1 };
  }
  if (event.type !== "test:pass" || event.data.details.type === "suite") return counts;
  return isSkipped(event.data) ? { ...counts, skipped: counts.skipped + 1 } : { ...counts, passed: counts.passed + 1 };
}

/** Adds up the counts of several sessions. */
export function totalOf(all: readonly TestCounts[]): TestCounts {
  return all.reduce(
    (sum, counts) => ({
      passed: sum.passed + counts.passed,
      failed: sum.failed + counts.failed,
      skipped: sum.skipped + counts.skipped,
    }),
    noTests,
  );
}

/** What a person wants to read about an event, if anything. */
export function describeEvent(event: TestEvent): string | undefined {
  if (event.type === "test:stdout" || event.type === "test:stderr") return event.data.message.trimEnd();
  if (event.type !== "test:pass" && event.type !== "test:fail") return undefined;
  const { name, nesting, details } = event.data;
  const indent = "  ".repeat(nesting + 1);
  const duration = `(${Math.round(details.duration_ms)} ms)`;
  if (isEmptyFile(event)) return `${indent}✖ ${name}\n${indent}    The file holds no test.`;
  if (event.type === "test:pass") {
    if (isSkipped(event.data)) return `${indent}- ${name} ${reason(event.data.skip ?? event.data.todo)}`;
    return `${indent}✔ ${name} ${duration}`;
  }
  const line = `${indent}✖ ${name} ${duration}`;
  const { error } = event.data.details;
  if (failedByItsChildren(error)) return line;
  return `${line}\n${causeOf(error).replaceAll(/^/gm, `${indent}    `)}`;
}

/** node:test lets a file without tests pass, as one test of the file's name. */
function isEmptyFile(event: TestEvent): boolean {
  return event.type === "test:pass" && event.data.name === event.data.file;
}

function isSkipped(data: { skip?: string | boolean; todo?: string | boolean }): boolean {
  return isSet(data.skip) || isSet(data.todo);
}

/** A bare `skip: true` arrives as an empty reason. */
function isSet(mark: string | boolean | undefined): boolean {
  return mark !== undefined && mark !== false;
}

function reason(mark: string | boolean | undefined): string {
  return typeof mark === "string" && mark ? `(skipped: ${mark})` : "(skipped)";
}

function failedByItsChildren(error: Error): boolean {
  return "failureType" in error && error.failureType === "subtestsFailed";
}

/** node:test wraps what a test threw. */
function causeOf(error: Error): string {
  const { cause } = error;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return cause === undefined ? (error.stack ?? error.message) : inspect(cause);
}
