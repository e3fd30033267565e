import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { GhostTextSource } from "../../../src/host/ghostTextStatus.ts";
import { createSnooze } from "../../../src/host/snooze.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { person, statusBarItems, workspace } from "../../fake/vscode.ts";

const { createGhostTextStatus, sourceSentence } = await import("../../../src/host/ghostTextStatus.ts");

const server = { provider: "ollama", baseUrl: "http://127.0.0.1:11434", moreBaseUrls: [], fallbacks: [] } as const;
const alone: GhostTextSource = { completion: undefined, predictorEnabled: true };

const document = ({ scheme = "file", units = 100, path = "/shop/a.ts" } = {}) => ({
  uri: { scheme, path },
  lineCount: 1,
  lineAt: () => ({ range: { end: units } }),
  offsetAt: (end: number) => end,
});

const setUp = (isEnabled = true, source = alone) => {
  person.reset();
  person.configuration.clear();
  const snooze = createSnooze(createFakeClock());
  const status = createGhostTextStatus({ snooze, isEnabled: () => isEnabled, source: () => source });
  const item = statusBarItems.at(-1)!;
  const label = () => (item["accessibilityInformation"] as { readonly label: string }).label;
  return { snooze, status, item, label };
};

afterEach(() => {
  person.fireActiveEditor(undefined);
  workspace.isTrusted = true;
});

test("the indicator names its extension and says where ghost text comes from", () => {
  const { item } = setUp();
  assert.equal(item["text"], "$(sparkle)");
  assert.deepEqual(String(item["tooltip"]).split("\n"), [
    "Hotpath: Ghost text is on",
    "From the embedded predictor alone; no model server is set up",
    "Click for what can be done",
  ]);
});

test("where there is none, it says why instead of claiming that it is on", () => {
  const { item, label } = setUp();
  const labels = [document(), document({ units: 4_000_001 }), document({ scheme: "git" })].map((shown) => {
    person.fireActiveEditor({ document: shown });
    return `${String(item["text"])} ${label()}`;
  });
  assert.deepEqual(labels, [
    "$(sparkle) Hotpath: Ghost text is on",
    "$(circle-slash) Hotpath: There is no ghost text in a file of this length",
    "$(circle-slash) Hotpath: There is no ghost text in this kind of editor",
  ]);
  person.fireActiveEditor({ document: document() });
  person.configure("editor.inlineSuggest.enabled", false);
  assert.match(label(), /VS Code shows no ghost text: the setting 'editor\.inlineSuggest\.enabled' is off/);
  person.configure("editor.inlineSuggest.enabled", true);
  assert.match(label(), /is on$/);
});

test("a language that is switched off and a snooze are told of as before", () => {
  const { snooze, status, label } = setUp(false);
  person.fireActiveEditor({ document: document() });
  assert.match(label(), /switched off for this kind of file/);
  snooze.start(Infinity);
  assert.match(label(), /snoozed until VS Code restarts/);
  snooze.dispose();
  status.dispose();
});

test("the source is what may be asked now: trust, the predictor's switch and the model count", () => {
  const withModel = { completion: { ...server, model: "qwen2.5-coder:1.5b" }, predictorEnabled: true };
  assert.equal(sourceSentence(withModel), "From the embedded predictor and qwen2.5-coder:1.5b at 127.0.0.1:11434");
  assert.equal(
    sourceSentence({ completion: { ...server, model: "" }, predictorEnabled: false }),
    "From 127.0.0.1:11434; the embedded predictor is off",
  );
  assert.match(sourceSentence({ completion: undefined, predictorEnabled: false }), /^There is no source/);
  workspace.isTrusted = false;
  assert.match(sourceSentence(withModel), /alone, until you trust this folder/);
  assert.match(sourceSentence({ ...withModel, predictorEnabled: false }), /^There is no source/);
});

test("no model is said to be asked about a file that looks like keys or passwords", () => {
  const withModel = { completion: { ...server, model: "coder" }, predictorEnabled: true };
  const { item, status } = setUp(true, withModel);
  const from = (path: string) => {
    person.fireActiveEditor({ document: document({ path }) });
    return String(item["tooltip"]).split("\n")[1];
  };
  assert.equal(from("/shop/a.ts"), "From the embedded predictor and coder at 127.0.0.1:11434");
  assert.match(
    from("/shop/.env") ?? "",
    /^From the embedded predictor alone: no model is asked about a file that looks/,
  );
  assert.match(
    sourceSentence({ ...withModel, predictorEnabled: false }, true),
    /^There is no source: no model is asked/,
  );
  assert.equal(sourceSentence(alone, true), sourceSentence(alone));
  status.dispose();
});
