#!/usr/bin/env node
// Stands in for the VS Code executable where there is no display: takes its arguments, runs VS Code's server with a
// headless Chromium as the window, prints what the tests print and exits with their code. Any launcher that takes a
// path to VS Code can use it (`vscodeExecutablePath` of @vscode/test-electron).
//
// Environment: VSCODE_SERVER_DIR, CHROMIUM_PATH (instead of the fetched ones), HEADLESS_TIMEOUT_S (900), HEADLESS_VERBOSE=1
// (the server's log and the page's console), HEADLESS_SHOT=<png> (at the end), HEADLESS_BROWSER_PROFILE=<folder> (keeps
// what VS Code stores in a browser), HEADLESS_RESTRICTED=1 (the workspace is not trusted).
import { open, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { serveBridge } from "./bridge.ts";
import { openWindow, workbenchUrl } from "./browser.ts";
import { parseLaunchArguments, restrictedVariable, type LaunchArguments } from "./launchArguments.ts";
import { runProgram, say, type Program } from "./program.ts";
import { shimEnvironment } from "./shim.ts";
import { makeServerFolders, startServer } from "./server.ts";
import { findServer, versionOf } from "./vscode.ts";

const isVerbose = process.env["HEADLESS_VERBOSE"] === "1";
const timeoutSeconds = Number(process.env["HEADLESS_TIMEOUT_S"] ?? 900);
const outputIntervalMs = 100;
/** The last output of the extension host may still be on its way when the window reports the end. */
const lastOutputMs = 200;

await runProgram(async (program) => {
  const launch = parseLaunchArguments(process.argv.slice(2));
  const serverFolder = await findServer();
  if (launch.asksVersion) {
    process.stdout.write(`${await versionOf(serverFolder)}\n`);
    return 0;
  }
  return run(program, launch, serverFolder);
});

async function run(program: Program, launch: LaunchArguments, serverFolder: string): Promise<number> {
  const root = await program.temporaryFolder();
  const folders = await makeServerFolders(root, {
    ...(launch.userDataFolder === undefined ? {} : { userData: launch.userDataFolder }),
    ...(launch.extensionsFolder === undefined ? {} : { extensions: launch.extensionsFolder }),
  });
  const outputPath = path.join(root, "output.txt");
  const { flush } = await printAppended(program, outputPath);

  const pageReady = Promise.withResolvers<Page>();
  // A test that asks for the window gets the error; without such a test it must not end this program.
  pageReady.promise.catch(() => undefined);
  const bridge = await serveBridge(pageReady.promise);
  program.onEnd(() => bridge.close());

  const startServerNow = startServer({
    serverFolder,
    folders,
    port: 0,
    isTrusted: launch.isTrusted && process.env[restrictedVariable] !== "1",
    hasTestDriver: true,
    env: {
      ...process.env,
      VSCODE_HEADLESS: "1",
      VSCODE_UI_BRIDGE: bridge.url,
      [shimEnvironment.output]: outputPath,
      ...(launch.testsPath === undefined ? {} : { [shimEnvironment.suite]: launch.testsPath }),
    },
    onLine: (line) => isVerbose && say(`[server] ${line}`),
  });
  const profileFolder = process.env["HEADLESS_BROWSER_PROFILE"] ?? path.join(root, "browser");
  const openWindowNow = openWindow(profileFolder);
  const [started, opened] = await Promise.allSettled([startServerNow, openWindowNow]);
  if (opened.status === "fulfilled") program.onEnd(() => opened.value.close());
  if (started.status === "fulfilled") program.onEnd(() => started.value.stop());
  if (started.status === "rejected") throw started.reason;
  if (opened.status === "rejected") throw opened.reason;
  const { page } = opened.value;

  const ended = Promise.withResolvers<number>();
  let hasEnded = false;
  void ended.promise.finally(() => (hasEnded = true));
  const fail = (why: string, exitCode = 1) => {
    if (!hasEnded && !program.stopSignal.aborted) say(why);
    ended.resolve(exitCode);
  };
  // VS Code's core calls this when the test extension host has ended. It must return nothing.
  await page.exposeFunction("codeAutomationExit", (exitCode: number) => ended.resolve(exitCode));
  await page.exposeFunction("codeAutomationLog", () => undefined);
  page.on("crash", () => fail("The browser's page crashed."));
  page.on("close", () => fail("The browser closed."));
  void started.value.exited.then(() => fail("VS Code's server ended."));
  await showOwnErrors(page, launch.developmentPaths);
  const timeout = setTimeout(
    () => fail(`Stopped after ${timeoutSeconds} s (HEADLESS_TIMEOUT_S).`, 124),
    timeoutSeconds * 1000,
  );

  await page.goto(
    workbenchUrl(started.value.authority, {
      ...launch,
      ...(launch.testsPath === undefined ? {} : { testsPath: path.join(import.meta.dirname, "shim.ts") }),
    }),
  );
  pageReady.resolve(page);
  const exitCode = await ended.promise;
  clearTimeout(timeout);
  const screenshotPath = process.env["HEADLESS_SHOT"];
  if (screenshotPath) await page.screenshot({ path: screenshotPath }).catch(() => undefined);
  await new Promise((resolve) => {
    setTimeout(resolve, lastOutputMs);
  });
  await flush();
  return exitCode;
}

/** Prints what is appended to a file, as it comes. */
async function printAppended(program: Program, file: string): Promise<{ flush: () => Promise<void> }> {
  await writeFile(file, "");
  const handle = await open(file, "r");
  const buffer = Buffer.alloc(64 * 1024);
  let printing = Promise.resolve();
  const print = async () => {
    while (true) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      process.stdout.write(Buffer.from(buffer.subarray(0, bytesRead)));
    }
  };
  const flush = () => (printing = printing.then(print));
  const timer = setInterval(() => void flush(), outputIntervalMs);
  program.onEnd(async () => {
    clearInterval(timer);
    await flush();
    await handle.close();
  });
  return { flush };
}

/** A bare server's page logs many harmless errors; only those that name the extension under development are shown. */
async function showOwnErrors(page: Page, developmentPaths: readonly string[]): Promise<void> {
  // Not the folder itself: the fetched server may lie below it.
  const names = developmentPaths.map((folder) => path.join(folder, "dist"));
  for (const folder of developmentPaths) {
    const manifest = await readFile(path.join(folder, "package.json"), "utf8").catch(() => "{}");
    const { publisher, name }: { publisher?: string; name?: string } = JSON.parse(manifest);
    if (publisher && name) names.push(`${publisher}.${name}`);
  }
  page.on("console", (message) => {
    const text = message.text();
    const isOwnError = message.type() === "error" && names.some((name) => text.includes(name));
    if (isVerbose || isOwnError) say(`[window] ${text}`);
  });
  page.on("pageerror", (error) => isVerbose && say(`[window] ${error.stack ?? error.message}`));
}
