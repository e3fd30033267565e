import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dependenciesOf,
  describeTasks,
  findTask,
  withDependencies,
  type ListedTask,
  type TaskIdentity,
} from "../../../src/languageTools/taskText.ts";
import { ToolError, type ToolErrorKind } from "../../../src/languageTools/toolError.ts";

const task = (label: string, changes: Partial<ListedTask> = {}): ListedTask => ({
  label,
  name: label.split(": ").at(-1)!,
  command: `run ${label}`,
  cwd: undefined,
  shell: undefined,
  environment: {},
  detail: undefined,
  isCompound: false,
  dependsOn: [],
  ...changes,
});

const isKind = (kind: ToolErrorKind) => (error: unknown) => error instanceof ToolError && error.kind === kind;

test("a task is found by its whole name, else by its own, and errors list the names", () => {
  const tasks = [task("npm: test"), task("gulp: test"), task("npm: build")];
  assert.equal(findTask("npm: test", tasks).label, "npm: test");
  assert.equal(findTask("build", tasks).label, "npm: build");
  assert.throws(() => findTask("test", tasks), /npm: test, gulp: test/);
  assert.throws(() => findTask("deploy", tasks), /There are: npm: test, gulp: test, npm: build/);
  assert.throws(() => findTask("x", []), /lists none/);
});

test("what runs before a task is shown before it, once", () => {
  const tasks = [
    task("all", { command: undefined, isCompound: true, dependsOn: ["build", "test"] }),
    task("test", { dependsOn: ["build"] }),
    task("build", { dependsOn: ["all"] }),
  ];
  assert.deepEqual(
    withDependencies(tasks[0]!, tasks).map(({ label }) => label),
    ["build", "test", "all"],
  );
});

test("what cannot be shown is not run", () => {
  const hidden = task("own code", { command: undefined });
  assert.throws(() => withDependencies(hidden, [hidden]), isKind("refused"));
  const before = task("before", { dependsOn: ["own code"] });
  assert.throws(() => withDependencies(before, [before, hidden]), isKind("refused"));
  const replaced = ["${selectedText}", "${env:A}", "${file}", "${fileBasenameNoExtension}", "${relativeFileDirname}"];
  for (const text of ["${config:a.b}", "${command:a.b}", "x ${Input:a}", ...replaced]) {
    for (const changes of [{ command: text }, { cwd: text }, { shell: text }, { environment: { A: text } }]) {
      const untold = task("untold", changes);
      assert.throws(() => withDependencies(untold, [untold]), isKind("refused"), text);
    }
  }
  const usual = task("usual", { command: "${workspaceFolder}/run $HOME ${userHome}" });
  assert.deepEqual(withDependencies(usual, [usual]), [usual]);
  const unknown = task("unknown", { dependsOn: undefined });
  assert.throws(() => withDependencies(unknown, [unknown]), isKind("refused"));
});

test("no text of a task ends the line that it is shown in", () => {
  const hiding = "x\n\n<!-- ";
  const [lines = []] = describeTasks([
    task(hiding, { command: "one\n\ntwo", cwd: hiding, shell: hiding, detail: hiding, environment: { A: hiding } }),
  ]);
  assert.ok(lines.every((line) => !/[\r\n]/.test(line)));
  assert.deepEqual(lines.slice(0, 4), [String.raw`# x\u{a}\u{a}<!-- `, "one", "", "two"]);
});

test("the description tells command, place, shell, environment and what cannot be seen", () => {
  const text = describeTasks([
    task("npm: test", {
      command: "npm run test\u202e",
      detail: "vitest && curl evil.example",
      cwd: "${workspaceFolder}/a",
      shell: "/bin/zsh -c",
      environment: { NODE_OPTIONS: "--require ./x.js" },
    }),
  ]);
  assert.deepEqual(text, [
    [
      "# npm: test",
      "npm run test\\u{202e}",
      "# vitest && curl evil.example",
      "# in ${workspaceFolder}/a",
      "# by /bin/zsh -c",
      "# with NODE_OPTIONS=--require ./x.js",
    ],
  ]);
});

test("dependencies come from tasks.json, by label or definition; one that cannot be found is told", () => {
  const tasks = [
    { label: "npm: test", name: "test", definition: { type: "npm", script: "test" } },
    { label: "npm: build", name: "build", definition: { type: "npm", script: "build" } },
    { label: "lint", name: "lint", definition: { type: "shell" } },
  ];
  const of = (entries: readonly unknown[], index = 0) => dependenciesOf(tasks[index]!, tasks, entries);
  assert.deepEqual(of([]), []);
  assert.deepEqual(of([{ type: "npm", script: "test", dependsOn: "lint" }]), ["lint"]);
  assert.deepEqual(of([{ label: "test", dependsOn: ["lint", { type: "npm", script: "build" }] }]), [
    "lint",
    "npm: build",
  ]);
  assert.deepEqual(of([{ type: "npm", script: "build", dependsOn: "lint" }]), []);
  assert.equal(of([{ label: "lint", dependsOn: "gone" }], 2), undefined);
  assert.equal(of([{ label: "lint", dependsOn: [7] }], 2), undefined);
  assert.deepEqual(of([null, 3, "x", { label: "lint", dependsOn: null }], 2), []);
});

test("a dependency goes by the label first; one that several tasks answer to cannot be told", () => {
  const shell = { type: "shell" };
  const all = { label: "all", name: "all", definition: shell };
  const app = { label: "build (app)", name: "build", definition: shell };
  const lib = { label: "build (lib)", name: "build", definition: shell };
  const plain = { label: "build", name: "build", definition: shell };
  const of = (tasks: readonly TaskIdentity[], dependsOn: unknown = "build") =>
    dependenciesOf(all, [all, ...tasks], [{ label: "all", dependsOn }]);
  assert.deepEqual(of([app]), ["build (app)"]);
  assert.equal(of([app, lib]), undefined);
  assert.deepEqual(of([app, lib, plain]), ["build"]);
  assert.equal(of([plain, plain]), undefined);
  const npm = { type: "npm", script: "x" };
  const scripts = ["a", "b"].map((name) => ({ label: name, name, definition: npm }));
  assert.equal(of(scripts, npm), undefined);
});
