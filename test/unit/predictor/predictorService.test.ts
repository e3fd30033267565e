import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { type Log, silentLog } from "../../../src/base/log.ts";
import { createPredictorService, type LearnOptions } from "../../../src/predictor/predictorService.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { answerTo, ask, makeFolder, startService as start, statement, workerUrl } from "./predictorHarness.ts";

const startService = (t: TestContext, log: Log = silentLog, url = workerUrl, onLost = () => {}) => {
  const service = start(t, { log, workerUrl: url, onLost });
  return {
    ...service,
    learnAll: async (
      folders: readonly string[],
      { exclude = [], ...options }: LearnOptions & { exclude?: readonly string[] } = {},
    ) => {
      const globs = exclude.map((glob) => ({ glob }));
      await service.learnAll(
        folders.map((root) => ({ root, exclude: globs })),
        options,
      );
    },
  };
};

test("learns a folder and predicts from it", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Alpha"), "deep/er/b.ts": statement("Beta") });
  const service = startService(t);
  await service.learnAll([folder]);
  assert.match(await service.predictAt(path.join(folder, "new.ts"), ask("Alpha")), /^ahpla/);
  assert.match(await service.predictAt(path.join(folder, "new.ts"), ask("Beta")), /^ateb/);
  const { files, textBytes, memoryBytes, indexing, problem } = await service.stats();
  assert.deepEqual(
    { files, textBytes, indexing, problem },
    { files: 2, textBytes: 108, indexing: false, problem: undefined },
  );
  assert.ok(memoryBytes > 0);
});

test("what became of its texts makes it surer or less sure", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Alpha") });
  const service = startService(t);
  await service.learnAll([folder]);
  const [prefix = "", suffix = ""] = ask("Alpha").split("|");
  const at = { path: path.join(folder, "new.ts"), prefix, suffix };
  const before = await service.predict(at);
  assert.ok(before);
  for (let times = 0; times < 100; times++) {
    service.feedback?.({ path: at.path, confidence: before.confidence, isRight: false });
  }
  const after = await service.predict(at);
  // Now it says less, or it is less sure of the same.
  assert.ok(after?.text !== before.text || after.confidence < before.confidence - 0.1);
});

test("learns nothing that is excluded, ignored, binary, huge, generated, secret or outside", async (t) => {
  const outside = await makeFolder(t, { "secret.ts": statement("Outside") });
  const folder = await makeFolder(t, {
    ".gitignore": "ignored.ts\n/build/\n*.gen.ts\n",
    "ignored.ts": statement("Ignored"),
    "build/a.ts": statement("Build"),
    "keep/.gitignore": "!kept.gen.ts\nlocal.ts\n",
    "keep/kept.gen.ts": statement("Kept"),
    "keep/local.ts": statement("Local"),
    "keep/build/a.ts": statement("Inner"),
    "out/a.ts": statement("Excluded"),
    ".hidden/x.log": statement("Hidden"),
    ".git/a.ts": statement("Git"),
    "node_modules/p/a.ts": statement("Module"),
    "pkg/node_modules/p/a.ts": statement("Nested"),
    "binary.ts": `${statement("Binary")}\0`,
    "huge.ts": statement("Huge") + "// filler line\n".repeat(15_000),
    "wide.ts": `${statement("Wide")}${"x = 1;".repeat(2000)}\n`,
    ".env.local": statement("Secret"),
    ".git-credentials": statement("Password"),
    ".aws/credentials": statement("Account"),
    "deploy/secrets.yaml": statement("Token"),
  });
  await symlink(outside, path.join(folder, "linkedFolder"));
  await symlink(path.join(outside, "secret.ts"), path.join(folder, "linked.ts"));
  const service = startService(t);
  await service.learnAll([folder], {
    exclude: ["**/*.log", "out"],
    first: ["out/a.ts", "linked.ts", "linkedFolder/secret.ts", "ignored.ts"]
      .map((name) => path.join(folder, name))
      .concat(path.join(outside, "secret.ts")),
  });
  const near = path.join(folder, "new.ts");
  for (const word of ["Kept", "Inner"])
    assert.match(await service.predictAt(near, ask(word)), new RegExp(`^${answerTo(word)}`));
  for (const word of ["Ignored", "Build", "Local", "Excluded", "Hidden", "Git", "Module", "Nested"].concat(
    "Binary",
    "Huge",
    "Wide",
    "Secret",
    "Password",
    "Account",
    "Token",
    "Outside",
  )) {
    assert.ok(!(await service.predictAt(near, ask(word))).includes(answerTo(word)), word);
  }
  // Two sources and two ignore files.
  assert.equal((await service.stats()).files, 4);
});

test("learns a document's newest text, and takes it before the disk's", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Disk") });
  const service = startService(t);
  const file = path.join(folder, "a.ts");
  service.update(file, statement("Typo"));
  service.update(file, statement("Older"));
  service.update(file, statement("Newest"));
  await service.learnAll([folder]);
  const near = path.join(folder, "b.ts");
  // The newest text is sent when the first one was learned.
  while (!(await service.predictAt(near, ask("Newest"))).startsWith("tsewen"));
  for (const word of ["Disk", "Typo", "Older"])
    assert.ok(!(await service.predictAt(near, ask(word))).includes(answerTo(word)), word);
});

test("learns nothing from a document that the folder's rules exclude", async (t) => {
  const folder = await makeFolder(t, { ".gitignore": "private/\n", "a.ts": statement("Alpha") });
  const service = startService(t);
  service.update(path.join(folder, "private/early.ts"), statement("Early"));
  await service.learnAll([folder]);
  service.update(path.join(folder, "private/a.ts"), statement("Private"));
  service.update("untitled:Untitled-1", statement("Untitled"));
  const near = path.join(folder, "b.ts");
  assert.match(await service.predictAt(near, ask("Alpha")), /^ahpla/);
  // The second update is learned after the first one was looked at.
  while (!(await service.predictAt(near, ask("Untitled"))).startsWith("deltitnu"));
  for (const word of ["Private", "Early"])
    assert.ok(!(await service.predictAt(near, ask(word))).includes(answerTo(word)), word);
});

test("forgets files, folders, and the folders of an earlier call", async (t) => {
  const one = await makeFolder(t, {
    "a.ts": statement("Alpha"),
    "b/c.ts": statement("Beta"),
    "d.ts": statement("Delta"),
  });
  const two = await makeFolder(t, { "a.ts": statement("Gamma") });
  const service = startService(t);
  await service.learnAll([one]);
  service.forget(path.join(one, "a.ts"));
  service.forget(path.join(one, "b"));
  const near = path.join(two, "b.ts");
  for (const word of ["Alpha", "Beta"])
    assert.ok(!(await service.predictAt(near, ask(word))).includes(answerTo(word)), word);
  assert.match(await service.predictAt(near, ask("Delta")), /^atled/);
  await service.learnAll([two]);
  assert.ok(!(await service.predictAt(near, ask("Delta"))).includes("Delta"));
  assert.match(await service.predictAt(near, ask("Gamma")), /^ammag/);
  assert.equal((await service.stats()).files, 1);
});

const valueLine = (i: number, j: number) => `export const value${i}x${j} = compute${j % 7}(input${i}, ${j});\n`;

test("answers while it reads", async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `f${i}.ts`,
      Array.from({ length: 700 }, (__, j) => valueLine(i, j)).join(""),
    ]),
  );
  const folder = await makeFolder(t, files);
  const service = startService(t);
  const first = path.join(folder, "f0.ts");
  const done = service.learnAll([folder], { first: [first] });
  while ((await service.predictAt("x.ts", "\nexport const value0x1 = comp|\n")) === "");
  assert.equal((await service.stats()).indexing, true);
  await done;
  assert.equal((await service.stats()).files, 60);
});

test("drops the answer when the signal is aborted", async (t) => {
  const service = startService(t);
  const prefix = `${statement("Alpha")}register("Alpha", "`;
  assert.equal(await service.predict({ path: "a.ts", prefix, suffix: "\n" }, AbortSignal.abort()), undefined);
  const controller = new AbortController();
  const answer = service.predict({ path: "a.ts", prefix, suffix: "\n" }, controller.signal);
  controller.abort();
  assert.equal(await answer, undefined);
  service.update("b.ts", "");
  assert.match(await service.predictAt("a.ts", `${prefix}|\n`), /^ahpla/);
});

test("finds the end of a long text, and no more than its near surroundings", async (t) => {
  const service = startService(t);
  const filler = "const filler = 1; // and more of it\n".repeat(4000);
  const text = `${statement("Far")}${filler}${statement("Near")}`;
  assert.match(await service.predictAt("a.ts", `${text}register("Near", "|\n${filler}`), /^raen/);
  assert.ok(!(await service.predictAt("a.ts", `${text}register("Far", ha|\n${filler}`)).includes("Far"));
});

const workerThat = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

test("starts a crashed thread once, then stays off and says why", async (t) => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (line) => void lines.push(line), error: (line) => void lines.push(line) };
  const code = `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("out of luck"); });`;
  let losses = 0;
  const service = startService(t, log, workerThat(code), () => void losses++);
  const question = { path: "a.ts", prefix: "const a", suffix: "" };
  const over = service.learned();
  assert.equal(await service.predict(question), undefined);
  assert.equal((await service.stats()).problem, undefined);
  assert.equal(await service.predict(question), undefined);
  assert.equal((await service.stats()).problem, "out of luck");
  assert.equal(await service.predict(question), undefined);
  service.update("a.ts", "text");
  assert.deepEqual(lines, [
    "The predictor stopped and is started again: out of luck",
    "The predictor stopped twice and stays off: out of luck",
  ]);
  // Whoever shows that it is learning is told that it is not; there is nobody to tell the rest to.
  await over;
  assert.equal(losses, 1);
});

test("how sure it has to be is kept when the thread is started again", async (t) => {
  const code = `import { parentPort, workerData } from "node:worker_threads";
    let { confidence } = workerData;
    parentPort.on("message", (request) => {
      if (request.kind === "confidence") confidence = request.confidence;
      if (request.kind === "close") process.exit();
      if (request.kind !== "predict") return;
      if (request.path === "crash.ts") process.exit(3);
      parentPort.postMessage({ kind: "prediction", id: request.id, prediction: { text: confidence, confidence: 1 } });
    });`;
  const service = startService(t, silentLog, workerThat(code));
  assert.equal(await service.predictAt("a.ts", "|"), "balanced");
  service.setConfidence("eager");
  assert.equal(await service.predictAt("a.ts", "|"), "eager");
  assert.equal(await service.predictAt("crash.ts", "|"), "");
  assert.equal(await service.predictAt("a.ts", "|"), "eager");
});

test("a text that waits is not learned once its document is closed", async (t) => {
  const code = `import { parentPort } from "node:worker_threads";
    const told = [];
    parentPort.on("message", ({ kind, id, path }) => {
      if (kind === "close") process.exit();
      told.push([kind, path].join(" "));
      if (kind === "refresh") parentPort.postMessage({ kind: "updated" });
      const prediction = { text: told.join(), confidence: 1 };
      if (kind === "predict") parentPort.postMessage({ kind: "prediction", id, prediction });
    });`;
  const service = startService(t, silentLog, workerThat(code));
  for (const file of ["first.ts", "closed.ts", "open.ts"]) service.update(file, "text");
  service.refresh(["closed.ts", "open.ts"], ["open.ts"]);
  await service.predictAt("x.ts", "|");
  assert.equal(
    await service.predictAt("y.ts", "|"),
    "update first.ts,refresh ,predict x.ts,update open.ts,predict y.ts",
  );
});

const at = (name: string) => path.join(path.sep, "shop", name);

test("nor once its folder is forgotten, and one that ends tells nothing more of what it reads", async (t) => {
  const code = `import { parentPort } from "node:worker_threads";
    const told = [];
    parentPort.on("message", ({ kind, id, path }) => {
      if (kind === "close") {
        parentPort.postMessage({ kind: "progress", done: 1, total: 2 });
        parentPort.postMessage({ kind: "learned" });
        setImmediate(() => process.exit());
      }
      told.push([kind, path].join(" "));
      if (kind === "forget") parentPort.postMessage({ kind: "updated" });
      if (kind === "predict") parentPort.postMessage({ kind: "prediction", id, prediction: { text: told.join(), confidence: 1 } });
    });`;
  const told: string[] = [];
  const service = createPredictorService({
    workerUrl: workerThat(code),
    log: silentLog,
    onProgress: () => void told.push("progress"),
    onLearned: () => void told.push("learned"),
  });
  t.after(() => service.dispose());
  service.update(at("first.ts"), "text");
  service.update(at(path.join("gone", "a.ts")), "text");
  service.update("cell:1", "text", at(path.join("gone", "b.ipynb")));
  service.update(at("gone.ts"), "text");
  service.forget(at("gone"));
  const question = { path: "x.ts", prefix: "", suffix: "" };
  await service.predict(question);
  const updates = (await service.predict(question))!.text.split(",").filter((what) => what.startsWith("update"));
  assert.deepEqual(updates, [`update ${at("first.ts")}`, `update ${at("gone.ts")}`]);
  await service.dispose();
  assert.deepEqual(told, []);
});

test("what a crash has lost can be told again", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Alpha") });
  // Falls over at its first prediction and works afterwards.
  const code = `import { parentPort } from "node:worker_threads";
    import { existsSync, writeFileSync } from "node:fs";
    const flag = ${JSON.stringify(path.join(folder, ".crashed"))};
    if (existsSync(flag)) await import(${JSON.stringify(workerUrl.href)});
    else parentPort.once("message", () => { writeFileSync(flag, ""); process.exit(3); });`;
  let losses = 0;
  const service = startService(t, silentLog, workerThat(code), () => {
    losses++;
    service.learnFolders([{ root: folder, exclude: [] }]);
    service.update("untitled:Untitled-1", statement("Beta"));
  });
  await service.learnAll([folder]);
  const near = path.join(folder, "b.ts");
  assert.match(await service.predictAt(near, ask("Alpha")), /^ahpla/);
  await service.until(near, "Beta");
  assert.equal(losses, 1);
});

test("starts no thread for nothing, and holds none after dispose", async (t) => {
  const service = startService(t);
  const { files, memoryBytes, indexing } = await service.stats();
  assert.deepEqual({ files, memoryBytes, indexing }, { files: 0, memoryBytes: 0, indexing: false });
  service.forget("a.ts");
  assert.ok(!process.getActiveResourcesInfo().includes("MessagePort"));
  const waiting = service.predict({ path: "a.ts", prefix: "", suffix: "" });
  await service.dispose();
  assert.equal(await waiting, undefined);
  assert.equal(await service.predict({ path: "a.ts", prefix: "", suffix: "" }), undefined);
  service.learnFolders([{ root: tmpdir(), exclude: [] }]);
  service.update("a.ts", "");
  await service.dispose();
  assert.ok(!process.getActiveResourcesInfo().includes("MessagePort"));
});

test(
  "a thread that cannot end because of a slow disk is not waited for",
  { skip: process.platform === "win32" },
  async (t) => {
    let pipe = "";
    // Before the folder goes. Opened for both, it waits for nobody, and lets the thread go.
    t.after(async () => (await open(pipe, "r+")).close());
    pipe = path.join(await makeFolder(t, {}), "pipe");
    execFileSync("mkfifo", [pipe]);
    // Whoever opens a pipe waits for the other end; when the second operation is done, the first has begun.
    const code = `import { parentPort } from "node:worker_threads";
      import { open, stat } from "node:fs/promises";
      parentPort.on("message", async ({ kind, id }) => {
        if (kind === "close") process.exit();
        void open(${JSON.stringify(pipe)}, "r");
        await stat("/");
        parentPort.postMessage({ kind: "prediction", id, prediction: undefined });
      });`;
    const clock = createFakeClock();
    const service = createPredictorService({ workerUrl: workerThat(code), log: silentLog, clock });
    await service.predict({ path: "a.ts", prefix: "", suffix: "" });
    const ended = service.dispose();
    await clock.timer(2000);
    clock.advance(2000);
    await ended;
  },
);
