import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { createModelServer } from "../../fake/modelServer.ts";

const run = promisify(execFile);
const source = fileURLToPath(new URL("../../../src/transport/client.ts", import.meta.url));

/**
 * A program that loads the client from `CLIENT`, asks `URL`, and prints what became of the process-wide dispatchers.
 * In a process of its own: whatever ran before in this one may have set them.
 */
const program = `
const keys = [1, 2].map((version) => Symbol.for("undici.globalDispatcher." + version));
const foreign = {};
if (process.env.PRESET === "yes") for (const key of keys) globalThis[key] = foreign;
const before = keys.map((key) => globalThis[key]);
const { createTransportClient } = await import(process.env.CLIENT);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const clock = { nowMs: () => 0, dateMs: () => 0, after: () => ({ dispose() {} }) };
const client = createTransportClient({ clock, log });
const response = await client.request({ method: "GET", url: process.env.URL });
const body = await response.json(1000);
await client.close();
const isUnchanged = keys.every((key, index) => globalThis[key] === before[index]);
const isOwn = keys.some((key) => Object.hasOwn(globalThis, key));
console.log(JSON.stringify({ body, isUnchanged, isOwn }));
`;

const runProgram = async (clientPath: string, url: string, preset: boolean): Promise<unknown> => {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, CLIENT: pathToFileURL(clientPath).href, URL: url, PRESET: preset ? "yes" : "no" },
  });
  return JSON.parse(stdout) as unknown;
};

test("the process-wide dispatcher stays as it was, whether somebody has set it or not", async (context) => {
  const server = await createModelServer();
  context.after(() => server.close());
  const body = { status: "ok" };
  const url = `${server.url}/health`;
  assert.deepEqual(await runProgram(source, url, false), { body, isUnchanged: true, isOwn: false });
  assert.deepEqual(await runProgram(source, url, true), { body, isUnchanged: true, isOwn: true });
});

test("the client works when it is bundled as the extension is", async (context) => {
  const server = await createModelServer();
  const folder = await mkdtemp(join(tmpdir(), "hotpath-bundle-"));
  context.after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  // The build script runs a build when it is imported, so its banner is read out of its text.
  const script = await readFile(new URL("../../../esbuild.mjs", import.meta.url), "utf8");
  const banner = /const requireBanner = "(.*)";/.exec(script)?.[1];
  assert.ok(banner, "esbuild.mjs defines requireBanner");
  const bundled = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    banner: { js: banner },
  });
  const output = bundled.outputFiles[0];
  assert.ok(output);
  const file = join(folder, "client.mjs");
  await writeFile(file, output.contents);
  const result = await runProgram(file, `${server.url}/health`, false);
  assert.deepEqual(result, { body: { status: "ok" }, isUnchanged: true, isOwn: false });
});
