// Proves the main job in a real VS Code, with real keys and no display: types a line of code, sees ghost text, accepts it,
// saves, and looks at the file; then the status bar and the report. Prints one line of JSON to stdout.
//   node test/host/smoke.ts [--seed N] [--settings FILE] [--screenshots FOLDER] [--extension FOLDER] [--sample FOLDER]
import { mkdir, readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { openWindow, workbenchUrl } from "./browser.ts";
import { cacheFolder } from "./cachedInstall.ts";
import { packExtension } from "./extensionPackage.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { PlainError, runProgram, say, type Program } from "./program.ts";
import { quietSettings } from "./quietSettings.ts";
import { installExtension, makeServerFolders, startServer, writeSettings } from "./server.ts";
import { lineOfSeed, type SmokeLine } from "./smokeLines.ts";
import { createWorkbench, type Workbench } from "./workbench.ts";
import { findServer, versionOf } from "./vscode.ts";
import { copyWorkspace, repositoryFolder, sampleFolder } from "./workspace.ts";

/** What a smoke run saw; null or false where a part failed. */
interface SmokeResult {
  vscodeVersion: string;
  /** As VS Code counts it: loading the entry and the synchronous part of activate(). */
  activationMs: number | null;
  entryBytes: number;
  typed: string;
  ghostText: string | null;
  /** From the last key to the change of the page that draws the ghost text. */
  keyToGhostTextMs: number | null;
  /** The saved file holds what was typed and what was shown. */
  accepted: boolean;
  statusBarText: string | null;
  reportOpened: boolean;
  screenshots: string[];
}

const { values: options } = parseArgs({
  options: {
    seed: { type: "string", default: "0" },
    settings: { type: "string" },
    screenshots: { type: "string", default: path.join(cacheFolder, "smoke") },
    extension: { type: "string", default: repositoryFolder },
    sample: { type: "string", default: sampleFolder },
  },
});

/** A popup with word suggestions would take the Tab key. */
const smokeSettings = {
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
};
const reportTitle = "Hotpath: Open performance report";
/** What counts as a row of the report. */
const reportRow = 'tr, li, [role="row"], [role="listitem"]';
const ghostTextTimeoutMs = 30_000;

await runProgram(async (program) => {
  const extensionFolder = path.resolve(options.extension);
  const manifest = await readManifest(extensionFolder);
  const line = lineOfSeed(Number(options.seed));
  await assertIsNew(line);
  const [serverFolder, vsixPath] = await Promise.all([findServer(), packExtension(extensionFolder)]);
  const result: SmokeResult = {
    vscodeVersion: await versionOf(serverFolder),
    activationMs: null,
    entryBytes: (await stat(path.join(extensionFolder, manifest.main))).size,
    typed: line.text,
    ghostText: null,
    keyToGhostTextMs: null,
    accepted: false,
    statusBarText: null,
    reportOpened: false,
    screenshots: [],
  };
  const root = await program.temporaryFolder();
  const workspace = await copyWorkspace(options.sample, path.join(root, "sample"));
  const workbench = await openWorkbench(program, root, serverFolder, vsixPath, workspace);
  const shoot = async (name: string) => {
    result.screenshots.push(await workbench.screenshot(path.join(path.resolve(options.screenshots), `${name}.png`)));
  };
  const failures: string[] = [];
  const attempt = async (part: () => Promise<void>) => {
    try {
      await part();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  };

  await attempt(() => typeAndAccept(workbench, path.join(workspace, line.file), line, result, shoot));
  await attempt(async () => {
    result.statusBarText = await workbench.statusBarText(idOf(manifest));
  });
  await attempt(async () => {
    await workbench.runFromPalette(reportTitle);
    await workbench.waitInWebview(reportRow);
    result.reportOpened = true;
  });
  await shoot("report");
  await attempt(async () => {
    result.activationMs = await workbench.activationMs(manifest.displayName ?? manifest.name, idOf(manifest));
  });
  await shoot("activation");

  process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const failure of failures) say(`Smoke test: ${failure}`);
  return failures.length === 0 ? 0 : 1;
});

async function openWorkbench(
  program: Program,
  root: string,
  serverFolder: string,
  vsixPath: string,
  workspace: string,
): Promise<Workbench> {
  const own: Record<string, unknown> = options.settings ? JSON.parse(await readFile(options.settings, "utf8")) : {};
  const folders = await makeServerFolders(root);
  await writeSettings(folders.userData, { ...quietSettings, ...smokeSettings, ...own });
  await installExtension(serverFolder, folders, vsixPath);
  const server = await startServer({ serverFolder, folders, port: 0, isTrusted: true, hasTestDriver: false });
  program.onEnd(() => server.stop());
  const window = await openWindow(path.join(root, "browser"));
  program.onEnd(() => window.close());
  await mkdir(options.screenshots, { recursive: true });
  await window.page.goto(workbenchUrl(server.authority, { workspacePath: workspace }));
  return createWorkbench(window.page);
}

async function typeAndAccept(
  workbench: Workbench,
  file: string,
  line: SmokeLine,
  result: SmokeResult,
  shoot: (name: string) => Promise<void>,
): Promise<void> {
  try {
    await workbench.openFile(line.file, line.afterLine);
    await workbench.press("End");
    await workbench.press("Enter");
    await workbench.waitUntilCalm();
    const shown = await workbench.typeUntilGhostText(line.text, ghostTextTimeoutMs);
    Object.assign(result, shown);
  } finally {
    await shoot("ghostText");
  }
  const before = await readFile(file, "utf8");
  await workbench.press("Tab");
  await workbench.waitForNoGhostTextOf(result.ghostText ?? "");
  await workbench.press("ControlOrMeta+S");
  const after = await workbench.waitForSave(file, before);
  await shoot("accepted");
  const expected = line.text + (result.ghostText ?? "");
  result.accepted = withoutTrailingBlanks(after).includes(withoutTrailingBlanks(expected));
  if (!result.accepted) throw new PlainError(`The saved file lacks ${JSON.stringify(expected)}:\n${after}`);
}

/** A line that the sample already has would be too easy to complete. */
async function assertIsNew(line: SmokeLine): Promise<void> {
  for (const entry of await readdir(options.sample, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if ((await readFile(file, "utf8")).includes(line.text)) {
      throw new PlainError(`"${line.text}" already stands in ${file}; choose another line in smokeLines.ts.`);
    }
  }
}

function idOf({ publisher, name }: Manifest): string {
  return `${publisher}.${name}`;
}

function withoutTrailingBlanks(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, "");
}
