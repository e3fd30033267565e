// Opens VS Code with Hotpath in it, on a copy of the sample workspace: a desktop VS Code where there is a display, else
// VS Code's server for a browser.
//   node test/host/start.ts [--server] [--port N] [--extension FOLDER] [--workspace FOLDER]
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "./cachedInstall.ts";
import { startChild } from "./childProcess.ts";
import { packExtension } from "./extensionPackage.ts";
import { minimumVscodeVersion } from "./manifest.ts";
import { runProgram, say, type Program } from "./program.ts";
import { quietSettings } from "./quietSettings.ts";
import { installExtension, makeServerFolders, startServer, writeSettings } from "./server.ts";
import { findDesktop, findServer } from "./vscode.ts";
import { copyWorkspace, repositoryFolder, sampleFolder } from "./workspace.ts";

const { values: options } = parseArgs({
  options: {
    server: { type: "boolean", default: false },
    port: { type: "string", default: "0" },
    extension: { type: "string", default: repositoryFolder },
    workspace: { type: "string" },
  },
});
const extensionFolder = path.resolve(options.extension);

/** Kept from one start to the next: settings, and the copy of the sample with whatever was typed into it. */
const profileFolder = path.join(cacheFolder, "start");

await runProgram(async (program) => {
  const workspace = options.workspace ? path.resolve(options.workspace) : path.join(profileFolder, "sample");
  if (!options.workspace && !existsSync(workspace)) await copyWorkspace(sampleFolder, workspace);
  const desktop = options.server ? undefined : await findDesktop(await minimumVscodeVersion(extensionFolder));
  const userData = path.join(profileFolder, desktop === undefined ? "userData" : "desktopUserData");
  if (!existsSync(userData)) {
    // The sample's README says what to type where.
    await writeSettings(userData, { ...quietSettings, "workbench.startupEditor": "readme" });
  }
  return desktop === undefined
    ? serve(program, workspace, userData)
    : openDesktop(program, desktop, workspace, userData);
});

async function openDesktop(program: Program, executable: string, workspace: string, userData: string): Promise<number> {
  say("Opening VS Code with Hotpath; close its window to end.");
  const window = startChild(
    executable,
    [
      workspace,
      `--extensionDevelopmentPath=${extensionFolder}`,
      `--user-data-dir=${userData}`,
      `--extensions-dir=${path.join(profileFolder, "desktopExtensions")}`,
      "--disable-workspace-trust",
      "--skip-welcome",
      "--skip-release-notes",
      "--new-window",
    ],
    { stdio: "inherit" },
  );
  program.onEnd(() => window.stop());
  return window.exited;
}

async function serve(program: Program, workspace: string, userData: string): Promise<number> {
  const [serverFolder, vsixPath] = await Promise.all([findServer(), packExtension(extensionFolder)]);
  const folders = await makeServerFolders(profileFolder, { userData, temporary: await program.temporaryFolder() });
  await installExtension(serverFolder, folders, vsixPath);
  const server = await startServer({
    serverFolder,
    folders,
    port: Number(options.port),
    isTrusted: true,
    hasTestDriver: false,
  });
  program.onEnd(() => server.stop());
  const address = `http://${server.authority}/?folder=${encodeURI(workspace)}`;
  process.stdout.write(`
VS Code with Hotpath, in a browser:

  ${address}

It listens on this machine only. From another one:
  ssh -L ${server.port}:127.0.0.1:${server.port} <this machine>
and open the same address there. The workspace is ${workspace}; Ctrl+C ends the server.
`);
  const exitCode = await server.exited;
  if (!program.stopSignal.aborted) say("VS Code's server ended by itself.");
  return exitCode;
}
