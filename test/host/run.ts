// Runs the host tests, each session in a VS Code window of its own.
//   node test/host/run.ts [--headless] [--extension FOLDER] [--tests FOLDER] [--sample FOLDER] [PART_OF_A_TEST_PATH ...]
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { runTests, TestRunFailedError } from "@vscode/test-electron";
import { findChromium } from "./chromium.ts";
import { bundleSuite, type SuiteFiles } from "./bundleSuite.ts";
import { runProgram, say, type Program } from "./program.ts";
import { quietSettings } from "./quietSettings.ts";
import { minimumVscodeVersion } from "./manifest.ts";
import { writeSettings } from "./server.ts";
import { restrictedVariable } from "./launchArguments.ts";
import { findSessions, type Session } from "./sessions.ts";
import { suiteEnvironment } from "./suite.ts";
import { totalOf, type TestCounts } from "./testEvents.ts";
import { findDesktop, findServer } from "./vscode.ts";
import { copyWorkspace, repositoryFolder, sampleFolder } from "./workspace.ts";

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    headless: { type: "boolean", default: false },
    extension: { type: "string", default: repositoryFolder },
    sample: { type: "string", default: sampleFolder },
    tests: { type: "string", default: import.meta.dirname },
  },
});
const extensionFolder = path.resolve(options.extension);
const headlessExecutable = path.join(import.meta.dirname, "headlessVscode.ts");

await runProgram(async (program) => {
  const sessions = await findSessions(path.resolve(options.tests), filters);
  const desktop = options.headless ? undefined : await findDesktop(await minimumVscodeVersion(extensionFolder));
  // Now, so that the time it takes does not count as a session's.
  if (desktop === undefined) await Promise.all([findServer(), findChromium()]);
  const results: SessionResult[] = [];
  for (const session of sessions) {
    say(`\n${session.name} (${desktop ?? "VS Code without a desktop"})`);
    if (desktop !== undefined && !session.isTrusted) {
      say("Left out: test-electron trusts every folder; run with --headless for this one.");
      continue;
    }
    results.push(await runSession(program, session, desktop));
  }
  const total = totalOf(results.flatMap(({ counts }) => counts ?? []));
  for (const { name, counts, exitCode } of results) {
    if (!counts) say(`The session "${name}" ended with code ${exitCode} before its tests did.`);
  }
  const skipped = total.skipped > 0 ? `${total.skipped} skipped\n` : "";
  process.stdout.write(`\n${skipped}${total.passed} passed, ${total.failed} failed\n`);
  return results.every(({ counts, exitCode }) => counts && exitCode === 0) ? 0 : 1;
});

interface SessionResult {
  name: string;
  /** Missing when the window ended before its tests did. */
  counts?: TestCounts;
  exitCode: number;
}

async function runSession(program: Program, session: Session, desktop: string | undefined): Promise<SessionResult> {
  const root = await program.temporaryFolder();
  const workspace = await copyWorkspace(options.sample, path.join(root, "sample"), session.workspaceSettings);
  const userData = path.join(root, "userData");
  await writeSettings(userData, { ...quietSettings, ...session.settings });
  const extensions = path.join(root, "extensions");
  // Installed, because VS Code's server develops one extension at a time.
  for (const source of session.extensions) {
    await cp(source, path.join(extensions, path.basename(source)), { recursive: true });
  }
  const resultPath = path.join(root, "result.json");
  const suite =
    desktop === undefined ? sourceSuite(session.files) : await bundleSuite(sourceSuite(session.files), root);
  const exitCode = await runTests({
    vscodeExecutablePath: desktop ?? headlessExecutable,
    extensionDevelopmentPath: extensionFolder,
    extensionTestsPath: suite.entry,
    launchArgs: [workspace, `--extensions-dir=${extensions}`, `--user-data-dir=${userData}`],
    extensionTestsEnv: {
      [suiteEnvironment.files]: JSON.stringify(suite.files),
      [suiteEnvironment.endOfRun]: suite.endOfRun,
      [suiteEnvironment.result]: resultPath,
      ...(session.isTrusted ? {} : { [restrictedVariable]: "1" }),
    },
  }).catch((error: unknown) => (error instanceof TestRunFailedError ? (error.code ?? 1) : Promise.reject(error)));
  const text = await readFile(resultPath, "utf8").catch(() => undefined);
  if (text === undefined) return { name: session.name, exitCode };
  const counts: TestCounts = JSON.parse(text);
  return { name: session.name, exitCode, counts };
}

/** The suite as it stands: Node runs TypeScript. */
function sourceSuite(files: string[]): SuiteFiles {
  return {
    entry: path.join(import.meta.dirname, "suite.ts"),
    endOfRun: path.join(import.meta.dirname, "endOfRun.ts"),
    files,
  };
}
