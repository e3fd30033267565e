import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import { createProposer } from "../../../src/predictor/proposer.ts";
import { ask, makeFolder, startService, statement, writeFiles } from "./predictorHarness.ts";

test("ignore files above an opened folder count up to the repository's root, in a folder that is trusted", async (t) => {
  const outer = await makeFolder(t, {
    ".gitignore": "inner.ts\n",
    "repo/.gitignore": "*.gen.ts\n/app/local.ts\n!kept.gen.ts\n",
    "repo/.git/info/exclude": "mine.ts\n",
    "repo/app/a.ts": statement("Alpha"),
    "repo/app/b.gen.ts": statement("Generated"),
    "repo/app/local.ts": statement("Local"),
    "repo/app/kept.gen.ts": statement("Kept"),
    "repo/app/mine.ts": statement("Mine"),
    "repo/app/inner.ts": statement("Inner"),
  });
  const app = path.join(outer, "repo/app");
  const near = path.join(app, "new.ts");
  const service = startService(t);
  await service.learnAll([app]);
  for (const word of ["Alpha", "Kept", "Inner"]) assert.ok(await service.knows(near, word), word);
  for (const word of ["Generated", "Local", "Mine"]) assert.ok(!(await service.knows(near, word)), word);
  // Nothing outside of a folder that is not trusted is looked at.
  await service.learnAll([app], { readsAbove: false });
  assert.ok(await service.knows(near, "Generated"));
});

test("a folder that its repository ignores is learned when it is what was opened", async (t) => {
  const repo = await makeFolder(t, { ".gitignore": "build\n", ".git/HEAD": "", "build/a.ts": statement("Built") });
  const service = startService(t);
  await service.learnAll([path.join(repo, "build")]);
  assert.ok(await service.knows(path.join(repo, "new.ts"), "Built"));
});

test("each folder has its own exclusions, also one that lies in another", async (t) => {
  const one = await makeFolder(t, {
    "out/a.ts": statement("OneOut"),
    "gen/a.ts": statement("OneGen"),
    "inner/out/a.ts": statement("InnerOut"),
    "inner/gen/a.ts": statement("InnerGen"),
    "lib/a.js": statement("Compiled"),
    "lib/a.ts": statement("Source"),
    "lib/alone.js": statement("Written"),
  });
  const service = startService(t);
  await service.learnAll([
    { root: one, exclude: [{ glob: "**/out" }, { glob: "**/*.js", when: "$(basename).ts" }] },
    { root: path.join(one, "inner"), exclude: [{ glob: "gen" }] },
  ]);
  const near = path.join(one, "new.ts");
  for (const word of ["OneGen", "InnerOut", "Source", "Written"]) assert.ok(await service.knows(near, word), word);
  for (const word of ["OneOut", "InnerGen", "Compiled"]) assert.ok(!(await service.knows(near, word)), word);
});

test("what others change on the disk is seen: new, changed, deleted, ignored, whole folders", async (t) => {
  const folder = await makeFolder(t, {
    "a.ts": statement("Alpha"),
    "b.ts": statement("Beta"),
    "deep/c.ts": statement("Gamma"),
    "deep/d.ts": statement("Delta"),
  });
  const at = (name: string) => path.join(folder, name);
  const near = at("near.ts");
  const service = startService(t);
  await service.learnAll([folder]);
  await writeFiles(folder, {
    "a.ts": statement("Changed"),
    "new.ts": statement("New"),
    "deep/x.png": statement("Image"),
  });
  await rm(at("b.ts"));
  await rm(at("deep/c.ts"));
  service.refresh([at("a.ts"), at("b.ts"), at("deep/c.ts"), at("deep/x.png"), at("new.ts")], []);
  await service.until(near, "New");
  for (const word of ["Alpha", "Beta", "Gamma", "Image"]) assert.ok(!(await service.knows(near, word)), word);
  for (const word of ["Changed", "Delta"]) assert.ok(await service.knows(near, word), word);
  // Only the folder is told.
  await rm(at("deep"), { recursive: true });
  await writeFiles(folder, { "more/e.ts": statement("Epsilon") });
  let learned = service.learned();
  service.refresh([at("deep"), at("more")], []);
  await learned;
  assert.ok(!(await service.knows(near, "Delta")));
  assert.ok(await service.knows(near, "Epsilon"));
  await writeFiles(folder, { ".gitignore": "more\n" });
  learned = service.learned();
  service.refresh([at(".gitignore")], []);
  await learned;
  assert.ok(!(await service.knows(near, "Epsilon")));
});

test("an open document counts before the disk, a closed one does not", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Disk") });
  const file = path.join(folder, "a.ts");
  const near = path.join(folder, "near.ts");
  const service = startService(t);
  await service.learnAll([folder]);
  service.update(file, statement("Editor"));
  await service.until(near, "Editor");
  await writeFiles(folder, { "a.ts": statement("Others"), "b.ts": statement("Marker") });
  service.refresh([file, path.join(folder, "b.ts")], [file]);
  await service.until(near, "Marker");
  assert.ok(await service.knows(near, "Editor"));
  assert.ok(!(await service.knows(near, "Others")));
  // Closed without saving: the disk is right, even if it was never changed since it was first read.
  service.refresh([file], []);
  await service.until(near, "Others");
  assert.ok(!(await service.knows(near, "Editor")));
});

test("a document that is closed without saving goes back to what the disk held all the time", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Disk") });
  const file = path.join(folder, "a.ts");
  const near = path.join(folder, "near.ts");
  const service = startService(t);
  await service.learnAll([folder]);
  service.update(file, statement("Editor"));
  await service.until(near, "Editor");
  service.refresh([file], []);
  await service.until(near, "Disk");
  assert.ok(!(await service.knows(near, "Editor")));
});

const cells = (word: string) => JSON.stringify({ cells: [{ source: [statement(word)], outputs: [] }] });

test("notebooks teach what stands in their cells; a cell obeys the rules of its notebook", async (t) => {
  const folder = await makeFolder(t, { "a.ipynb": cells("Cell"), "bad.ipynb": statement("Raw"), ".gitignore": "no\n" });
  const service = startService(t);
  await service.learnAll([folder]);
  const near = path.join(folder, "near.py");
  assert.ok(await service.knows(near, "Cell"));
  assert.ok(!(await service.knows(near, "Raw")));
  const cell = (name: string) => `vscode-notebook-cell:${path.join(folder, name)}#W0`;
  service.update(cell("no/x.ipynb"), statement("Ignored"), path.join(folder, "no/x.ipynb"));
  service.update(cell("y.ipynb"), statement("Open"), path.join(folder, "y.ipynb"));
  await service.until(near, "Open");
  assert.ok(!(await service.knows(near, "Ignored")));
  service.forget(path.join(folder, "y.ipynb"));
  assert.ok(!(await service.knows(near, "Open")));
});

test(
  "links, pipes and folders in the place of files are left alone",
  { skip: process.platform === "win32" },
  async (t) => {
    const outside = await makeFolder(t, { "secret.ts": statement("Outside"), rules: "a.ts\n" });
    const folder = await makeFolder(t, { "a.ts": statement("Alpha") });
    await symlink(path.join(outside, "secret.ts"), path.join(folder, "linked.ts"));
    await symlink(outside, path.join(folder, "linkedFolder"));
    await symlink(path.join(outside, "rules"), path.join(folder, ".gitignore"));
    await mkdir(path.join(folder, "folder.ts"));
    execFileSync("mkfifo", [path.join(folder, "pipe.ts")]);
    const service = startService(t);
    const names = ["linked.ts", "linkedFolder/secret.ts", "pipe.ts", "folder.ts", "a.ts"];
    const first = names.map((name) => path.join(folder, name));
    await service.learnAll([folder], { first, readsAbove: false });
    const done = service.learned();
    service.refresh(first, []);
    await done;
    const near = path.join(folder, "near.ts");
    assert.ok(await service.knows(near, "Alpha"));
    assert.ok(!(await service.knows(near, "Outside")));
    assert.equal((await service.stats()).files, 1);
  },
);

test(
  "an excluded folder is not learned by a link to it within the workspace",
  { skip: process.platform === "win32" },
  async (t) => {
    const folder = await makeFolder(t, {
      ".gitignore": "build/\n",
      "a.ts": statement("Alpha"),
      "build/b.ts": statement("Built"),
      "build/c.ts": statement("Beside"),
    });
    await symlink("build", path.join(folder, "src"));
    const service = startService(t);
    const linked = path.join(folder, "src/b.ts");
    await service.learnAll([folder], { first: [linked] });
    const done = service.learned();
    service.refresh([linked, path.join(folder, ".gitignore")], []);
    await done;
    const near = path.join(folder, "near.ts");
    assert.ok(await service.knows(near, "Alpha"));
    for (const word of ["Built", "Beside"]) assert.ok(!(await service.knows(near, word)), word);
  },
);

test("how sure it has to be is a setting, and what came of it is counted", async (t) => {
  const folder = await makeFolder(t, {
    "a.ts": ["one", "one", "one", "two", "two"].map((word, i) => `const x${i} = choose.${word}Thing(${i});\n`).join(""),
  });
  const service = startService(t, { confidence: "quiet" });
  await service.learnAll([folder]);
  const answers: boolean[] = [];
  for (const confidence of ["quiet", "balanced", "eager"] as const) {
    service.setConfidence(confidence);
    const near = path.join(folder, "near.ts");
    answers.push((await service.predictAt(near, "const y = choose.|\n")) !== "");
    // It is the same thread: nothing is learned or counted anew.
    const { files, asked, answered } = await service.stats();
    assert.deepEqual([files, asked, answered], [1, answers.length, answers.filter(Boolean).length]);
  }
  // Whoever is content with less gets an answer wherever the others do.
  assert.deepEqual(
    answers,
    answers.toSorted((a, b) => Number(a) - Number(b)),
  );
  assert.deepEqual([answers[0], answers[2]], [false, true]);
});

test("what confidence is worth in a folder is learned before anybody types", async (t) => {
  const lines = Array.from({ length: 40 }, (_, i) => `  register("name${i % 7}", handlers.name${i % 7}, options);\n`);
  const files = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i}.ts`, `// ${i}\n${lines.join("")}`]));
  const folder = await makeFolder(t, files);
  const untried = createPredictor();
  for (const [name, text] of Object.entries(files)) untried.index(path.join(folder, name), text);
  const [file, prefix] = [path.join(folder, "new.ts"), `${lines[3]}  register("name4", `];
  const before = createProposer(untried, "balanced").propose(file, prefix, "")!;
  const service = startService(t);
  await service.learnAll([folder]);
  // Nobody has to wait for it.
  assert.equal((await service.stats()).indexing, false);
  let after = before;
  // Who is surer says more.
  while (after.text.length <= before.text.length) {
    t.signal.throwIfAborted();
    after = (await service.predict({ path: file, prefix, suffix: "" }))!;
  }
  assert.ok(after.text.startsWith(before.text));
});

test("what was edited last is learned first after a restart, and progress is told", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}.ts`, statement(`Word${i}`)]));
  const folder = await makeFolder(t, { ...files, "zzz/last.ts": statement("Recent") });
  const indexFile = path.join(await makeFolder(t, {}), "predictor.index");
  const recent = path.join(folder, "zzz/last.ts");
  const before = startService(t, { indexFile });
  await before.learnAll([folder]);
  before.update(recent, statement("Edited"));
  await before.until("x.ts", "Edited");
  await before.dispose();
  const shares: number[] = [];
  const service = startService(t, { indexFile, onProgress: ({ done, total }) => shares.push(done / total) });
  const done = service.learnAll([folder]);
  let [isKnown, { files: filesThen }] = [false, await service.stats()];
  // Both are answered by the thread in one go.
  while (!isKnown)
    [isKnown, { files: filesThen }] = await Promise.all([service.knows("x.ts", "Recent"), service.stats()]);
  await done;
  assert.ok(filesThen < 200, `${filesThen} files were learned by then`);
  assert.ok(shares.length > 0 && shares.every((share) => share > 0 && share <= 1));
  assert.match(await service.predictAt("x.ts", ask("Word299")), /^992drow/);
});

test(
  "a document that was opened by a link obeys the rules of what it leads to",
  { skip: process.platform === "win32" },
  async (t) => {
    const outside = await makeFolder(t, { ".env": statement("Outside") });
    const folder = await makeFolder(t, {
      ".gitignore": "build/\n",
      ".env": statement("Secret"),
      "build/b.ts": statement("Built"),
    });
    const at = (name: string) => path.join(folder, name);
    await symlink(at(".env"), at("config.txt"));
    await symlink(at("build/b.ts"), at("linked.ts"));
    await symlink(path.join(outside, ".env"), path.join(outside, "notes.txt"));
    const service = startService(t);
    await service.learnAll([folder]);
    service.update(at("config.txt"), statement("Secret"));
    service.update(at("linked.ts"), statement("Built"));
    service.update(path.join(outside, "notes.txt"), statement("Outside"));
    service.update(at("unsaved.ts"), statement("Unsaved"));
    const near = at("near.ts");
    await service.until(near, "Unsaved");
    for (const word of ["Secret", "Built", "Outside"]) assert.ok(!(await service.knows(near, word)), word);
  },
);

test("a file in another encoding than UTF-8 is not learned from the disk", async (t) => {
  const folder = await makeFolder(t, { "a.ts": statement("Alpha") });
  await writeFile(path.join(folder, "b.ts"), Buffer.from(`${statement("Beta")}// caf\u00e9\n`, "latin1"));
  const service = startService(t);
  await service.learnAll([folder]);
  const near = path.join(folder, "near.ts");
  assert.ok(await service.knows(near, "Alpha"));
  assert.ok(!(await service.knows(near, "Beta")));
});
