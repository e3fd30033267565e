import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemoryView } from "../../../src/memory/describe.ts";
import { statusBarItems, type MarkdownString, type ThemeColor } from "../../fake/vscode.ts";

const { createStatusBar } = await import("../../../src/host/statusBar.ts");

const calm: MemoryView = {
  text: "200 MB · 50 %",
  level: "normal",
  label: "Memory: extension host 200 MB",
  details: [["Extension host: 200 MB"], ["Click for what can be done"]],
};

const setUp = () => {
  const statusBar = createStatusBar();
  const item = statusBarItems.at(-1)!;
  const tooltip = () => (item["tooltip"] as MarkdownString).value;
  const color = () => (item["backgroundColor"] as ThemeColor | undefined)?.id;
  const label = () => (item["accessibilityInformation"] as { label: string }).label;
  return { statusBar, item, tooltip, color, label };
};

test("nothing is shown before there are numbers; then they are, with a click to what can be done", () => {
  const { statusBar, item } = setUp();
  statusBar.setProblem("A problem.");
  assert.equal(item["isShown"], false);
  statusBar.show(calm);
  assert.equal(item["isShown"], true);
  assert.equal(item["command"], "hotpath.memoryMenu");
});

test("it has a colour only at warning and error", () => {
  const { statusBar, color } = setUp();
  for (const [level, expected] of [
    ["normal", undefined],
    ["warning", "statusBarItem.warningBackground"],
    ["critical", "statusBarItem.errorBackground"],
    ["normal", undefined],
  ] as const) {
    statusBar.show({ ...calm, level });
    assert.equal(color(), expected);
  }
});

test("what others have to say stands above, and is read out", () => {
  const { statusBar, item, tooltip, label } = setUp();
  statusBar.show(calm);
  assert.equal(item["text"], "$(pulse) 200 MB · 50 %");
  statusBar.setProblem("No server answers.");
  statusBar.setLearning(0.254);
  assert.equal(item["text"], "$(warning) 200 MB · 50 %");
  assert.ok(tooltip().startsWith("No server answers\\.  \nHotpath\\: learning this workspace\\, 25 \\%\n\n"));
  assert.equal(label(), "No server answers. Hotpath: learning this workspace, 25 %. Memory: extension host 200 MB");
  statusBar.setProblem(undefined);
  statusBar.setLearning(undefined);
  assert.equal(item["text"], "$(pulse) 200 MB · 50 %");
  assert.equal(statusBar.problem(), undefined);
});

test("nothing that a model is called becomes a link, a picture or an icon", () => {
  const { statusBar, tooltip } = setUp();
  statusBar.show({ ...calm, details: [["![x](https://evil.example/?q) <img src=x> $(zap) `a` www.evil.example"]] });
  const expected =
    "\\!\\[x\\]\\(https\\:\\/\\/evil\\.example\\/\\?q\\) \\<img src\\=x\\> \\$\\(zap\\) \\`a\\` www\\.evil\\.example";
  assert.equal(tooltip().trim(), expected);
});

test("the one link is ours, and leads to the tables", () => {
  const { statusBar, item, tooltip } = setUp();
  statusBar.show(calm);
  assert.doesNotMatch(tooltip(), /command:/);
  statusBar.show({ ...calm, details: [["[x](command:evil)"]], tables: "Show tables" });
  assert.equal(tooltip(), "\n\n\\[x\\]\\(command\\:evil\\)\n\n[Show tables](command:hotpath.showMachineTables)");
  assert.deepEqual((item["tooltip"] as MarkdownString).isTrusted, { enabledCommands: ["hotpath.showMachineTables"] });
});

test("a tooltip that says the same stays the one that somebody may be reading", () => {
  const { statusBar, item } = setUp();
  statusBar.show(calm);
  const before = item["tooltip"];
  statusBar.show({ ...calm });
  assert.equal(item["tooltip"], before);
  statusBar.show({ ...calm, text: "201 MB · 50 %" });
  assert.notEqual(item["tooltip"], before);
});
