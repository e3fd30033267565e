import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { runChild, startChild } from "./childProcess.ts";
import { PlainError } from "./program.ts";

/** The folders a VS Code server keeps its things in. */
export interface ServerFolders {
  userData: string;
  serverData: string;
  extensions: string;
  /** Of a short path, for sockets; also whatever extensions put into "the temporary folder". */
  temporary: string;
}

/** How a server is started. */
export interface ServerOptions {
  /** The folder with `out/server-main.js`. */
  serverFolder: string;
  folders: ServerFolders;
  /** 0 takes any free port. */
  port: number;
  /** Whether a workspace is trusted without asking. */
  isTrusted: boolean;
  /** Lets the page run extension tests; a server for people goes without. */
  hasTestDriver: boolean;
  env?: NodeJS.ProcessEnv;
  onLine?: (line: string) => void;
}

/** A server that listens. */
export interface RunningServer {
  port: number;
  /** As VS Code names the machine inside `vscode-remote://` addresses. */
  authority: string;
  exited: Promise<number>;
  stop(): Promise<void>;
}

const startTimeoutMs = 120_000;
const keptLines = 30;

/** Makes the folders of a server, below `root` except for those that are given. */
export async function makeServerFolders(root: string, given: Partial<ServerFolders> = {}): Promise<ServerFolders> {
  const folders = {
    userData: path.join(root, "userData"),
    serverData: path.join(root, "serverData"),
    extensions: path.join(root, "extensions"),
    temporary: path.join(root, "temporary"),
    ...given,
  };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  return folders;
}

/**
 * Writes the settings of a profile. Machine-scoped ones count only in the second file, on a server; all others only in
 * the first, so both get everything.
 */
export async function writeSettings(userDataFolder: string, settings: Record<string, unknown>): Promise<void> {
  for (const scope of ["User", "Machine"]) {
    await mkdir(path.join(userDataFolder, scope), { recursive: true });
    await writeFile(path.join(userDataFolder, scope, "settings.json"), JSON.stringify(settings, undefined, 2));
  }
}

/**
 * Starts a server on 127.0.0.1 and resolves when it listens.
 * @throws {PlainError} when it ends or says nothing in time, with its last lines
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const lines: string[] = [];
  const listening = Promise.withResolvers<number>();
  const child = startChild(
    process.execPath,
    [
      "--import",
      pathToFileURL(path.join(import.meta.dirname, "parentWatch.ts")).href,
      "out/server-main.js",
      "--host=127.0.0.1",
      `--port=${options.port}`,
      "--without-connection-token",
      "--telemetry-level=off",
      ...commonArguments(options.folders),
      ...(options.isTrusted ? ["--disable-workspace-trust"] : []),
      ...(options.hasTestDriver ? ["--enable-smoke-test-driver"] : []),
    ],
    {
      cwd: options.serverFolder,
      env: serverEnvironment(options.env ?? process.env, options.folders),
      onLine(line) {
        // The server says so and stays.
        if (line.includes("EADDRINUSE")) {
          listening.reject(new PlainError(`Port ${options.port} is taken; choose another with --port.`));
        }
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        options.onLine?.(line);
        const port = /Extension host agent listening on (\d+)/.exec(line)?.[1];
        if (port) listening.resolve(Number(port));
      },
    },
  );
  const timeout = setTimeout(() => listening.reject(new Error("not in time")), startTimeoutMs);
  void child.exited.then(() => listening.reject(new Error("it ended")));
  try {
    const port = await listening.promise;
    return { port, authority: `127.0.0.1:${port}`, exited: child.exited, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    if (error instanceof PlainError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlainError(`VS Code's server did not start (${reason}):\n${lines.join("\n")}`);
  } finally {
    clearTimeout(timeout);
  }
}

/**
 * Installs a packed extension into the server's own extensions folder, so that every address of the server has it.
 * @throws {PlainError} when VS Code refuses the package
 */
export async function installExtension(serverFolder: string, folders: ServerFolders, vsixPath: string): Promise<void> {
  const { exitCode, output } = await runChild(
    process.execPath,
    ["out/server-main.js", "--install-extension", vsixPath, "--force", ...commonArguments(folders)],
    { cwd: serverFolder, env: serverEnvironment(process.env, folders) },
  );
  if (exitCode !== 0 || !output.includes("was successfully installed")) {
    throw new PlainError(`VS Code did not install ${path.basename(vsixPath)}:\n${output}`);
  }
}

function commonArguments(folders: ServerFolders): string[] {
  return [
    "--accept-server-license-terms",
    `--server-data-dir=${folders.serverData}`,
    `--user-data-dir=${folders.userData}`,
    `--extensions-dir=${folders.extensions}`,
  ];
}

/** Without what a surrounding VS Code's terminal sets, which would make the server talk to that one. */
function serverEnvironment(env: NodeJS.ProcessEnv, folders: ServerFolders): NodeJS.ProcessEnv {
  const own = Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(ELECTRON_|VSCODE_(IPC|PID|CWD|NLS|CODE_CACHE|HANDLES|ESM))/.test(name)),
  );
  return { ...own, TMPDIR: folders.temporary, XDG_RUNTIME_DIR: folders.temporary };
}
