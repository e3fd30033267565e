import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { person } from "../../fake/vscode.ts";

const { createFaultReporter } = await import("../../../src/host/faults.ts");
const { createNotices } = await import("../../../src/host/notices.ts");

beforeEach(() => person.reset());

const createHarness = () => {
  const log = { ...silentLog, show() {} };
  const actions: { readonly label: string; run(): unknown }[] = [];
  const notices = createNotices(log);
  let problem: string | undefined;
  const statusBar = {
    setProblem(sentence: string | undefined) {
      problem = sentence;
    },
    problem: () => problem,
    setWaiting() {},
    setLearning() {},
    setSaving() {},
    dispose() {},
  };
  const listening = {
    ...notices,
    warnOnce: (...[sentence, options]: Parameters<typeof notices.warnOnce>) => {
      actions.push(...(options?.actions ?? []));
      notices.warnOnce(sentence, options);
    },
  };
  return { faults: createFaultReporter({ log, notices: listening, statusBar, clock: createFakeClock() }), actions };
};

const setting = { provider: "ollama", baseUrl: "http://127.0.0.1:11434", model: "m" } as const;

test("a fallback's fault names the fallback, and its key is asked for, not the first server's", async () => {
  const { faults, actions } = createHarness();
  const origin = "https://openrouter.ai";
  faults.report(new ProviderError("unauthorized", "x", { origin }), setting);
  assert.match(person.said()[0] ?? "", /openrouter\.ai refused the API key/);
  await actions[0]?.run();
  assert.deepEqual(person.commands, [["hotpath.setApiKey", origin]]);
  faults.report(new ProviderError("payment-required", "x", { origin }), setting);
  assert.equal(actions[1]?.label, "Add credits");
});

test("a fault that no server put its name on is told of the one that is set", async () => {
  const { faults, actions } = createHarness();
  faults.report(new ProviderError("unauthorized", "x"), setting);
  faults.report(new ProviderError("payment-required", "x"), { ...setting, provider: "openrouter" });
  assert.match(person.said()[0] ?? "", /127\.0\.0\.1:11434/);
  await actions[0]?.run();
  assert.deepEqual(person.commands, [["hotpath.setApiKey", "http://127.0.0.1:11434"]]);
  assert.equal(actions.length, 1);
});

test("a model that is missing is named, and the set-up is at hand", async () => {
  const { faults, actions } = createHarness();
  faults.report(new ProviderError("model-not-found", "x"), { ...setting, model: "qwen[a](command:b)" });
  assert.match(person.said()[0] ?? "", /does not have the model 'qwen a \(command:b\)'/);
  await actions[0]?.run();
  assert.deepEqual(person.commands, [["hotpath.setUpProvider"]]);
  const elsewhere = new ProviderError("model-not-found", "x", { origin: "http://127.0.0.1:8080" });
  faults.report(elsewhere, setting);
  assert.match(person.said()[1] ?? "", /8080 does not have the model that is set/, "a fallback has a model of its own");
});

test("a model is not blamed where a fallback at the same server may be the one that is missing", () => {
  const { faults } = createHarness();
  const fault = new ProviderError("model-not-found", "x", { origin: "http://127.0.0.1:11434" });
  const told = (fallback: string, baseUrl: string = setting.baseUrl) =>
    faults.tell(fault, { ...setting, fallbacks: [{ ...setting, baseUrl, model: fallback }] })?.sentence ?? "";
  assert.match(told("other"), /does not have the model that is set/);
  assert.match(told("m"), /does not have the model 'm'/);
  assert.match(told("other", "http://127.0.0.1:8080"), /does not have the model 'm'/);
});

test("the same fault is told once, and again to whoever asked", () => {
  const { faults } = createHarness();
  faults.report(new ProviderError("timeout", "x"), setting);
  faults.report(new ProviderError("timeout", "x"), setting);
  assert.equal(person.said().length, 1);
  faults.report(new ProviderError("timeout", "x"), setting, true);
  assert.equal(person.said().length, 2);
});

test("no notice holds a link, whoever named what it tells of", () => {
  const notices = createNotices({ ...silentLog, show() {} });
  notices.warnOnce("[m](command:workbench.action.closeWindow) is set in hotpath.chat.fallbacks[0]");
  assert.deepEqual(person.said(), ["[m] (command:workbench.action.closeWindow) is set in hotpath.chat.fallbacks[0]"]);
});
