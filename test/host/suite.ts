import { writeFile } from "node:fs/promises";
import { run as runTestFiles } from "node:test";
import { addToCounts, describeEvent, isEnd, noTests, type TestCounts } from "./testEvents.ts";

/** Names, in the extension host's environment, of what the launcher hands over. */
export const suiteEnvironment = {
  /** A JSON array of the absolute paths of the test files. */
  files: "HOTPATH_TEST_FILES",
  /** Absolute path of `endOfRun.ts`. */
  endOfRun: "HOTPATH_TEST_END",
  /** Where the counts are written, as JSON. */
  result: "HOTPATH_TEST_RESULT",
} as const;

/**
 * VS Code's entry for tests: runs the files with node:test inside the extension host, one after the other, and prints
 * each result. Rejects when a test failed or none ran.
 */
export async function run(): Promise<void> {
  const files: string[] = JSON.parse(variable(suiteEnvironment.files));
  let counts: TestCounts = noTests;
  // The process stays alive after the tests, so the event stream never ends by itself: a test of our own comes last.
  const events = runTestFiles({
    files: [...files, variable(suiteEnvironment.endOfRun)],
    isolation: "none",
    concurrency: false,
  });
  for await (const event of events) {
    if (isEnd(event)) break;
    const text = describeEvent(event);
    if (text !== undefined) console.log(text);
    counts = addToCounts(counts, event);
  }
  await writeFile(variable(suiteEnvironment.result), JSON.stringify(counts));
  if (counts.failed > 0) throw plainError(`${counts.failed} of ${counts.failed + counts.passed} tests failed`);
  if (counts.passed + counts.skipped === 0) throw plainError(`No test ran in ${files.join(", ")}`);
}

/** VS Code prints a rejection's stack, which would say nothing here. */
function plainError(message: string): Error {
  const error = new Error(message);
  error.stack = message;
  return error;
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; start the tests with npm run test:host`);
  return value;
}
