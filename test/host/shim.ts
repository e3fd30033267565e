// Stands between VS Code and the real test suite in a headless run. A remote extension host's output reaches the window
// with format and labels lost, so this appends it to a file that headlessVscode.ts prints.
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

/** Names, in the extension host's environment, of what `headlessVscode.ts` hands over. */
export const shimEnvironment = {
  /** The file that output is appended to. */
  output: "HEADLESS_OUTPUT",
  /** The suite that VS Code was asked to run. */
  suite: "HEADLESS_SUITE",
} as const;

/** What a suite's module exports, as VS Code's own documentation has it. */
interface Suite {
  run?: SuiteRun;
  default?: { run: SuiteRun };
}
type SuiteRun = (testsRoot?: string, done?: (error: unknown, failures?: number) => void) => unknown;

/** What a server installed without a compiler complains about, harmlessly. */
const noise = /Could not locate the bindings file|Cannot find module '\.+\/build\/Release/;

/** VS Code's entry for tests: resolves when the suite passed. */
export async function run(): Promise<void> {
  const outputPath = process.env[shimEnvironment.output] ?? "/dev/stdout";
  const suitePath = process.env[shimEnvironment.suite] ?? "";
  let isRunning = true;
  const write = (text: string | Uint8Array) => {
    // What VS Code says while it shuts down is about nothing in the tests.
    if (isRunning) appendFileSync(outputPath, text);
  };
  copyConsole(write);
  copyStreams(write);
  try {
    await runSuite(await loadSuite(suitePath), suitePath);
  } catch (error) {
    write(`${error instanceof Error ? error.stack : String(error)}\n`);
    throw error;
  } finally {
    isRunning = false;
  }
}

async function loadSuite(suitePath: string): Promise<SuiteRun> {
  const suite: Suite = await import(pathToFileURL(suitePath).href);
  const found = suite.run ?? suite.default?.run;
  if (!found) throw new Error(`${suitePath} exports no run()`);
  return found;
}

/** A suite either returns a promise or takes a callback. */
async function runSuite(suite: SuiteRun, suitePath: string): Promise<void> {
  if (suite.length < 2) {
    await suite();
    return;
  }
  await new Promise<void>((resolve, reject) => {
    suite(suitePath, (error, failures) => {
      if (error || failures) reject(error instanceof Error ? error : new Error(`${failures} tests failed`));
      else resolve();
    });
  });
}

/** The methods of the extension host's console ignore assignments, so the console as a whole is replaced. */
function copyConsole(write: (text: string) => void): void {
  const copied = new Set<string | symbol>(["log", "info", "warn", "error", "debug"]);
  globalThis.console = new Proxy(console, {
    get(original, property) {
      const found: unknown = Reflect.get(original, property);
      if (!copied.has(property) || typeof found !== "function") return found;
      return (...parts: unknown[]) => {
        const text = format(...parts);
        if (!noise.test(text)) write(`${text}\n`);
        Reflect.apply(found, original, parts);
      };
    },
  });
}

/** The extension host's streams can be replaced, their `write` cannot. */
function copyStreams(write: (text: string | Uint8Array) => void): void {
  const writeToFile: NodeJS.WriteStream["write"] = (
    chunk: string | Uint8Array,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ) => {
    write(chunk);
    const callback = typeof encodingOrDone === "function" ? encodingOrDone : done;
    callback?.();
    return true;
  };
  for (const name of ["stdout", "stderr"] as const) {
    const value = new Proxy(process[name], {
      get(stream, property) {
        if (property === "write") return writeToFile;
        const found: unknown = Reflect.get(stream, property);
        return typeof found === "function" ? (found.bind(stream) as unknown) : found;
      },
    });
    Object.defineProperty(process, name, { value, configurable: true });
  }
}
