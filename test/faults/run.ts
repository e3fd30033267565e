// Runs the fault cases and closes with `N passed, N failed`.
//   node test/faults/run.ts [WORD...]   only the files whose name contains one of the words
import { glob } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

/** The numbers of the list in `README.md` beside this file. None of them may go untested. */
const caseCount = 48;
/** A case that takes longer waits for something that never comes: all deadlines are on a clock that tests move. */
const testTimeoutMs = 20_000;

const words = process.argv.slice(2);
const folder = fileURLToPath(new URL(".", import.meta.url));
const files: string[] = [];
for await (const name of glob("*.test.ts", { cwd: folder })) {
  if (words.length === 0 || words.some((word) => name.includes(word))) files.push(folder + name);
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const tested = new Set<number>();
let passed = 0;
let failed = 0;

const fail = (name: string, reason: unknown): void => {
  failed++;
  print(`✖ ${name}\n${(typeof reason === "string" ? reason : inspect(reason)).replaceAll(/^/gm, "    ")}`);
};

const startMs = performance.now();
const events = run({ files: files.toSorted(), concurrency: availableParallelism(), timeout: testTimeoutMs });
for await (const event of events) {
  switch (event.type) {
    case "test:pass": {
      const { name, skip, todo, details } = event.data;
      if (details.type === "suite") break;
      const number = Number(/^#(\d\d) /.exec(name)?.[1]);
      if (!(number >= 1 && number <= caseCount)) {
        fail(name, `Its name has to begin with the number of its case, #01 to #${caseCount}`);
      } else if (skip !== undefined || todo !== undefined) {
        fail(name, "It was left out");
      } else {
        passed++;
        tested.add(number);
        print(`✔ ${name}`);
      }
      break;
    }
    case "test:fail": {
      const { name, details } = event.data;
      // A suite fails when something in it does, which was counted there.
      if (details.type === "suite") break;
      tested.add(Number(/^#(\d\d) /.exec(name)?.[1]));
      fail(name, details.error.cause ?? details.error);
      break;
    }
    case "test:stdout":
    case "test:stderr":
      process.stderr.write(event.data.message);
      break;
    default:
  }
}

if (words.length === 0) {
  for (let number = 1; number <= caseCount; number++) {
    if (!tested.has(number)) fail(`#${String(number).padStart(2, "0")}`, "No test has this number");
  }
}
print(`${[...tested].filter((number) => number > 0).length} cases in ${Math.round(performance.now() - startMs)} ms`);
print(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
