import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { readMachineState } from "../../../src/hardware/probe.ts";
import type { ListedProcess } from "../../../src/hardware/processArguments.ts";
import { findServers, serverOptions, serverProcess } from "../../../src/hardware/serverProcess.ts";

const mib = 1024 ** 2;

/** What is told, without what is not. */
const told = (options: object): unknown => JSON.parse(JSON.stringify(options));

test("what a router says that it starts a model with", () => {
  // As llama.cpp's router tells it; a path may hold blanks.
  const line = "llama-server --host 127.0.0.1 --jinja --port 41003 --no-webui --ctx-size 4096 --parallel 2 --threads 6";
  const args = [...line.split(" "), "--model", "/models/a b.gguf", "--threads-batch", "12"];
  assert.deepEqual(told(serverProcess(args, false)), {
    port: 41_003,
    isOllamas: false,
    contextTokens: 4096,
    slots: 2,
    threads: 6,
    promptCacheBytes: 8192 * mib,
    file: "/models/a b.gguf",
  });
});

const options = (line: string) => serverOptions(line.split(" "));

test("short names, types, and what the server decides by itself", () => {
  const { promptCacheBytes: _, ...types } = options("llama-server -ctk q8_0 -ctv q4_0 -fa on -ngl 0 -c 0 -np -1 -t -1");
  assert.deepEqual(told(types), { keyType: "q8_0", valueType: "q4_0", flashAttention: true, graphicsLayers: 0 });
  assert.equal(options("llama-server -fa off").flashAttention, false);
  assert.equal(options("llama-server -fa --port 1").flashAttention, true, "as older versions take it");
  for (const line of ["llama-server -fa auto", "llama-server"]) assert.equal(options(line).flashAttention, undefined);
  assert.equal(options("llama-server --cache-ram 0").promptCacheBytes, 0);
  assert.equal(options("llama-server -cram 1024").promptCacheBytes, 1024 * mib);
  assert.equal(options("llama-server -cram -1").promptCacheBytes, Infinity);
  assert.equal(options("llama-server -ngl all").graphicsLayers, undefined);
  assert.equal(options("llama-server -t 4 -t 8").threads, 8, "the last one counts");
  assert.equal(serverProcess(["llama-server", "--port"], false).port, 8080);
  const runner = options("ollama runner --model /blob --kv-cache-type q8_0 --flash-attn --threads 8 --parallel 4");
  assert.deepEqual([runner.keyType, runner.valueType, runner.slots, runner.flashAttention], ["q8_0", "q8_0", 4, true]);
});

const listed = (pid: number, parentPid: number, name: string, command = name, params = "") => ({
  pid,
  parentPid,
  name,
  command,
  params,
});
const serversOf = (processes: readonly ListedProcess[], platform: NodeJS.Platform) =>
  findServers(processes, platform).map(({ pid, isOllamas }) => [pid, isOllamas]);

test("whose server it is, on Linux", () => {
  const processes = [
    listed(1, 0, "ollama", "ollama serve"),
    listed(2, 1, "llama-server", "llama-server", "--port 41003"),
    listed(3, 1, "ollama", "ollama runner", "--model /blob --port 41004"),
    listed(4, 9, "llama-server", "llama-server", "-m /m.gguf"),
    listed(5, 9, "node", "node", "runner"),
    listed(6, 9, "ollama", "ollama runner", "--model /blob"),
  ];
  assert.deepEqual(serversOf(processes, "linux"), [
    [2, true],
    [3, true],
    [4, false],
  ]);
});

test("on a Mac the app starts a server that is no runner, and a runner's name holds the word", () => {
  const processes = [
    listed(1, 0, "Ollama"),
    listed(2, 1, "ollama", "ollama", "serve"),
    listed(3, 2, "ollama runner", "ollama runner", "--model /blob --port 41004"),
    listed(4, 2, "llama-server", "llama-server", "--port 41003"),
    listed(5, 1, "Ollama Helper", "Ollama Helper", "--type=renderer"),
  ];
  const servers = [
    [3, true],
    [4, true],
  ];
  assert.deepEqual(serversOf(processes, "darwin"), servers);
  const started = listed(2, 1, "ollama serve");
  assert.deepEqual(serversOf(processes.with(1, started), "darwin"), servers, "as the list has it without a path");
});

test("on Windows by the whole command line, where that is to be seen", () => {
  const program = String.raw`"C:\Users\A B\ollama.exe"`;
  const processes = [
    listed(1, 0, "ollama app.exe", String.raw`"C:\Users\A B\ollama app.exe"`),
    listed(2, 1, "ollama.exe", `${program} serve`),
    listed(3, 2, "ollama.exe", `${program} runner --port 41004`),
    listed(4, 2, "ollama.exe"),
    listed(5, 9, "llama-server.exe", "llama-server.exe -c 4096"),
  ];
  assert.deepEqual(serversOf(processes, "win32"), [
    [3, true],
    [5, false],
  ]);
});

test("a server that runs here is found with its options, and its key stays in the worker", async (context) => {
  if (process.platform !== "linux")
    return context.skip("reads what a process was started as, elsewhere by other means");
  const args = ["-e", "setInterval(() => {}, 1000)", "--", "--port", "48123", "-np", "3", "--api-key", "secret-key"];
  const child = spawn(process.execPath, args, { argv0: "llama-server", stdio: "ignore" });
  context.after(() => child.kill("SIGKILL"));
  const workerUrl = new URL("../../../src/hardware/probeWorker.ts", import.meta.url);
  const state = await readMachineState({ workerUrl, clock: systemClock });
  assert.ok(state.physicalCores >= 1);
  assert.ok(Array.isArray(state.gpus));
  const found = state.servers.find(({ port }) => port === 48_123);
  assert.deepEqual([found?.slots, found?.isOllamas], [3, false]);
  assert.ok(!JSON.stringify(state).includes("secret-key"));
});
