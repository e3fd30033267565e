import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { runChild } from "./childProcess.ts";
import { PlainError, say } from "./program.ts";

/** Everything that is fetched or made for host runs lies here; the folder may be deleted at any time. */
export const cacheFolder = path.resolve(import.meta.dirname, "../../.vscode-test");

const stampFile = "installed.txt";

/**
 * Returns the cached folder `name`, filled by `install` unless a complete one with this stamp is there already.
 * An interrupted install is never taken for a complete one; of two at the same time, one wins and both return it.
 * @throws whatever `install` throws; nothing is left in the cache then
 */
export async function cachedInstall(
  name: string,
  stamp: string,
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = path.join(cacheFolder, name);
  if (await isComplete(folder, stamp)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned(name);
  const partial = await mkdtemp(path.join(cacheFolder, partialPrefix(name, process.pid)));
  try {
    await install(partial);
    await writeFile(path.join(partial, stampFile), stamp);
    if (!(await isComplete(folder, stamp))) {
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder).catch(async (error: unknown) => {
        // Somebody else's install arrived between the check and the rename.
        if (!(await isComplete(folder, stamp))) throw error;
      });
    }
    return folder;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * Downloads a published npm package with the user's own npm configuration, and unpacks it into `folder`.
 * @throws {PlainError} when npm cannot fetch it
 */
export async function unpackFromNpm(packageSpec: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await npm(["pack", packageSpec, "--silent", "--pack-destination", folder], folder);
  const archive = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (!archive) throw new PlainError(`npm pack ${packageSpec} wrote no archive; try it by hand to see why.`);
  await unpackTar(path.join(folder, archive), folder, ["--strip-components=1"]);
  await rm(path.join(folder, archive));
}

/** Installs the runtime dependencies of the package in `folder`, with no install scripts and so with no compiler. */
export async function installDependencies(folder: string): Promise<void> {
  await npm(["install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder);
}

/** Unpacks a tar archive with the system's tar, which every Linux, macOS and Windows 10 has. */
export async function unpackTar(archive: string, folder: string, options: readonly string[] = []): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { exitCode, output } = await runChild("tar", ["-xf", archive, "-C", folder, ...options]);
  if (exitCode !== 0) throw new PlainError(`Unpacking ${path.basename(archive)} failed: ${output}`);
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  // Started by `npm run`, the environment names this repository as the package to work on; npm would install there.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|command|config_(local_prefix|prefix|omit|include))/i.test(name),
    ),
  );
  const script = process.env["npm_execpath"];
  const { exitCode, output } = script?.endsWith(".js")
    ? await runChild(process.execPath, [script, ...args], { cwd, env })
    : await runChild("npm", args, { cwd, env });
  if (exitCode !== 0) {
    say(output);
    throw new PlainError(
      `npm ${args[0]} failed (above); check the network and npm's registry setting, then try again.`,
    );
  }
}

async function isComplete(folder: string, stamp: string): Promise<boolean> {
  const found = await readFile(path.join(folder, stampFile), "utf8").catch(() => undefined);
  return found === stamp;
}

function partialPrefix(name: string, pid: number): string {
  return `partial-${pid}-${name}-`;
}

async function removeAbandoned(name: string): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    const pid = Number(/^partial-(\d+)-/.exec(entry)?.[1]);
    if (pid && entry.startsWith(partialPrefix(name, pid)) && !isAlive(pid)) {
      await rm(path.join(cacheFolder, entry), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
