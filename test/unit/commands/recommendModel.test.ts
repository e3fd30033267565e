import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { findModelFacts } from "../../../src/hardware/models.ts";
import type { Machine, MachineModel, MachineView } from "../../../src/host/machine.ts";
import { createApiKeys } from "../../../src/host/secrets.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { adviceDevices } from "../../bench/adviceCases.ts";
import { createModelServer, jsonReply } from "../../fake/modelServer.ts";
import { createSecrets } from "../../fake/secrets.ts";
import { env, person, workspace, type Step } from "../../fake/vscode.ts";

const { recommendModel } = await import("../../../src/commands/recommendModel.ts");

const machine = (more: Partial<MachineView> = {}): MachineView => ({
  device: adviceDevices["rtx4090"]!,
  hardware: { cpu: "A processor", physicalCores: 8, gpus: [] },
  hostName: "box",
  models: [],
  ollamaUrl: undefined,
  ...more,
});

const createHarness = (context: TestContext) => {
  const client = createTransportClient({ clock: systemClock, log: silentLog });
  context.after(async () => {
    workspace.isTrusted = true;
    await client.close();
  });
  const written: Readonly<Record<string, unknown>>[] = [];
  let tables = 0;
  const run = async (view: Machine["view"], ...steps: readonly Step[]) => {
    person.reset(...steps);
    await recommendModel({
      machine: { hardware: async () => (await view()).hardware, view },
      showTables: async () => void tables++,
      transport: () => Promise.resolve(client),
      clock: systemClock,
      log: silentLog,
      apiKeys: createApiKeys(createSecrets(), () => {}),
      settings: () => parseSettings(() => undefined).settings,
      write: async (changes) => void written.push(changes),
    });
  };
  return { run, written, tables: () => tables };
};

const ghostText: Step = { take: "Ghost text" };

test("the first list names the best for each purpose; the second says what was looked at", async (context) => {
  const { run } = createHarness(context);
  await run(() => Promise.resolve(machine()), ghostText, "close");
  const [first, second] = person.shown.filter(({ kind }) => kind === "list");
  assert.match(first!.choices[0]!, /Ghost text \| Qwen3-Coder-30B-A3B Q4_K_M · \d+–\d+ tokens\/s$/);
  assert.match(first!.choices[1]!, /Chat \| Devstral-Small-2-24B Q4_K_M · \d+–\d+ tokens\/s$/);
  assert.match(second!.text, /NVIDIA GeForce RTX 4090 of this machine: 24\.0 GB, of which models can have 22\.1 GB\.$/);
  assert.equal(second!.choices[0], "Suits this machine, the ablest first");
});

test("in a remote window the remote machine is named", async (context) => {
  const { run } = createHarness(context);
  const running = run(() => Promise.resolve(machine()), ghostText, "close");
  env.remoteName = "ssh-remote";
  await running;
  assert.match(person.list("Models for")?.text ?? "", /of the remote machine box: /);
});

test("back leads to the list before, and to the tables", async (context) => {
  const { run, tables } = createHarness(context);
  const steps: Step[] = [ghostText, { take: "Qwen2.5-Coder-7B" }, "back", "back", { take: "tables" }];
  await run(() => Promise.resolve(machine()), ...steps);
  assert.equal(tables(), 1);
});

test("without an Ollama the command is what there is; it is copied whole", async (context) => {
  const { run } = createHarness(context);
  await run(() => Promise.resolve(machine()), ghostText, { take: "Qwen2.5-Coder-7B" }, { take: "Copy llama-server" });
  const actions = person.list("Qwen2.5-Coder-7B Q4_K_M");
  assert.equal(actions?.choices.length, 2);
  assert.match(actions.choices[1]!, /No Ollama answers/);
  assert.match(person.clipboard, /^llama-server -hf bartowski\/Qwen2\.5-Coder-7B-Instruct-GGUF:Q4_K_M -c 16384 /);
});

test("a model with one quantisation is taken without naming it", async (context) => {
  const { run } = createHarness(context);
  await run(() => Promise.resolve(machine()), { take: "Chat" }, { take: "gpt-oss-20b" }, { take: "Copy llama-server" });
  assert.match(person.clipboard, /^llama-server -hf ggml-org\/gpt-oss-20b-GGUF -c \d+ /);
});

test("what does not fit says why, and offers nothing to do", async (context) => {
  const { run } = createHarness(context);
  const small = machine({ device: adviceDevices["rtx3080"]!, ollamaUrl: "http://127.0.0.1:11434" });
  await run(() => Promise.resolve(small), ghostText, { take: "Qwen2.5-Coder-32B" }, "close");
  const actions = person.list("Qwen2.5-Coder-32B");
  assert.match(actions?.text ?? "", /Does not fit, because it needs 12\.4 GB and models can have 9\.0 GB here\.$/);
  assert.deepEqual(actions?.choices, []);
});

const installed = (baseUrl: string, more: Partial<MachineModel> = {}): MachineModel => ({
  id: "qwen2.5-coder:7b",
  facts: findModelFacts("qwen2.5-coder:7b"),
  fillsIn: true,
  measured: {},
  file: undefined,
  server: { name: "Ollama", kind: "ollama", baseUrl },
  ...more,
});

test("one that is installed is tested, then written; nothing is written when the test fails", async (context) => {
  const { run, written } = createHarness(context);
  const server = await createModelServer({ ollama: {}, modelId: "qwen2.5-coder:7b" });
  context.after(async () => server.close());
  const view = machine({ models: [installed(server.url)], ollamaUrl: server.url });
  const use: Step[] = [ghostText, { take: "qwen2.5-coder:7b" }, { take: "Use it for ghost text" }];
  await run(() => Promise.resolve(view), ...use);
  assert.equal(written.length, 1);
  assert.equal(written[0]!["completion.model"], "qwen2.5-coder:7b");
  assert.match(person.said()[0] ?? "", /answered in .*cost nothing/);

  server.script("/api/generate", jsonReply(500, { error: "out of memory" }));
  await run(() => Promise.resolve(view), ...use, "back", "close");
  assert.equal(written.length, 1);
  assert.ok(person.list("The test failed"));
});

test("a llama.cpp server without a router is written without its model's name, and its file is in the command", async (context) => {
  const { run, written } = createHarness(context);
  const server = await createModelServer({ modelId: "coder" });
  context.after(async () => server.close());
  const llama = { name: "llama.cpp", kind: "llamacpp", baseUrl: server.url } as const;
  const view = machine({ models: [installed(server.url, { id: "coder", server: llama, file: "/models/a b.gguf" })] });
  await run(() => Promise.resolve(view), ghostText, { take: "coder |" }, { take: "Copy llama-server" });
  assert.match(person.clipboard, /^llama-server -m '\/models\/a b\.gguf' /);
  await run(() => Promise.resolve(view), ghostText, { take: "coder |" }, { take: "Use it for ghost text" });
  assert.deepEqual([written[0]!["completion.provider"], written[0]!["completion.model"]], ["llamacpp", undefined]);
});

test("in a folder that is not trusted nothing can be changed", async (context) => {
  const { run } = createHarness(context);
  workspace.isTrusted = false;
  const view = machine({ models: [installed("http://127.0.0.1:9")] });
  await run(() => Promise.resolve(view), ghostText, { take: "qwen2.5-coder:7b" }, "close");
  assert.match(person.list("Models for")?.text ?? "", /not trusted: no server is asked, and nothing is changed\.$/);
  assert.deepEqual(person.list("qwen2.5-coder:7b")?.choices, []);
});

test("a machine that cannot be read is said once, and closing the list stops the reading", async (context) => {
  const { run } = createHarness(context);
  await run(() => Promise.reject(new Error("the probe failed")));
  assert.deepEqual(person.said(), ["This machine's facts could not be read. 'Hotpath: Show log' tells more."]);
  let given: AbortSignal | undefined;
  await run((options) => {
    given = options?.signal;
    return Promise.resolve(machine());
  }, "close");
  assert.equal(given?.aborted, true);
});
