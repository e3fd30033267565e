import assert from "node:assert/strict";
import { test } from "node:test";
import { commandLineArguments, listedArguments } from "../../../src/hardware/processArguments.ts";
import { serverProcess } from "../../../src/hardware/serverProcess.ts";

const onWindows = (command: string) => listedArguments({ name: "llama-server.exe", command, params: "" }, "win32");
const onMac = (command: string, params: string) => listedArguments({ name: command, command, params }, "darwin");

test("Windows tells one line, in which quotes keep blanks together", () => {
  const program = String.raw`"C:\My tools\llama-server.exe"`;
  assert.deepEqual(onWindows(String.raw`${program}  -m "D:\my models\a.gguf" --port 8012`), [
    "-m",
    String.raw`D:\my models\a.gguf`,
    "--port",
    "8012",
  ]);
  assert.deepEqual(onWindows(String.raw`llama-server.exe --alias="a b" "" -c 4096`), ["--alias=a b", "", "-c", "4096"]);
  const template = String.raw`llama-server --chat-template-kwargs "{\"a b\": false}" -c 4096`;
  assert.deepEqual(onWindows(template), ["--chat-template-kwargs", '{"a b": false}', "-c", "4096"]);
  assert.deepEqual(onWindows(`${program} -m "never closed`), ["-m", "never closed"]);
  assert.deepEqual(onWindows(program), [], "started without any");
  assert.equal(onWindows("llama-server.exe"), undefined, "another user's line is hidden");
  assert.equal(serverProcess(onWindows(`${program} --port 8012 -t 6`) ?? [], false).port, 8012);
});

test("a Mac tells the words behind the program, in one part or in two", () => {
  assert.deepEqual(onMac("llama-server", "-m /m.gguf --port 8012"), ["-m", "/m.gguf", "--port", "8012"]);
  assert.deepEqual(onMac("ollama runner", "--model /blob"), ["runner", "--model", "/blob"]);
  assert.deepEqual(onMac("ollama serve", ""), ["serve"]);
  assert.equal(onMac("llama-server", ""), undefined, "as it lists -hf org/repo:Q8_0 --port 8012");
});

test("Linux tells them one by one, and nothing of a process that has ended", () => {
  assert.deepEqual(commandLineArguments("llama-server\0-m\0/a b.gguf\0"), ["-m", "/a b.gguf", ""]);
  assert.deepEqual(commandLineArguments("llama-server\0"), [""]);
  assert.equal(commandLineArguments(""), undefined);
});
