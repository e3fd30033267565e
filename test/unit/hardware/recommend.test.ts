import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { advise } from "../../../src/hardware/advice.ts";
import { batchTip, recommendationDetail, refusalSentence } from "../../../src/hardware/adviceTexts.ts";
import { catalog } from "../../../src/hardware/catalog.ts";
import { factsFromRow, findModel, findModelFacts } from "../../../src/hardware/models.ts";
import { pullName, recommend, type InstalledModel } from "../../../src/hardware/recommend.ts";
import { unknownDevice } from "../../../src/hardware/devices.ts";
import { adviceDevices, english } from "../../bench/adviceCases.ts";

const gib = 1024 ** 3;
const { rtx3080, rtx4090, m4Pro, cpuOnly } = adviceDevices;
const device = rtx4090!;

const installed = (id: string, more: Partial<InstalledModel> = {}): InstalledModel => ({
  id,
  facts: findModelFacts(id),
  fillsIn: true,
  ...more,
});

const first = (of = device) => recommend("completion", { device: of })[0]!;

suite("the order", () => {
  test("the ablest that is quick enough comes first, on every machine", () => {
    assert.deepEqual([first().label, first().quantisation], ["Qwen3-Coder-30B-A3B", "Q4_K_M"]);
    assert.equal(first(rtx3080).label, "Qwen2.5-Coder-14B");
    assert.equal(first(m4Pro).label, "Qwen3-Coder-30B-A3B");
    const onProcessor = first(cpuOnly);
    assert.deepEqual([onProcessor.label, onProcessor.suits], ["Qwen2.5-Coder-1.5B", "poorly"]);
  });

  test("what suits, what is slow the fastest first, what does not fit the smallest first", () => {
    const suits = recommend("chat", { device }).map((one) => one.suits);
    const groups = ["well", "poorly", "not"].map((kind) => suits.filter((one) => one === kind).length);
    assert.deepEqual(
      suits,
      ["well", "poorly", "not"].flatMap((kind, index) => Array.from({ length: groups[index]! }, () => kind)),
    );
    const slow = recommend("completion", { device: cpuOnly! });
    const speeds = slow.map(({ advice }) => (advice.fits ? advice.speed.tokensPerSecond : 0));
    assert.deepEqual(
      speeds,
      speeds.toSorted((a, b) => b - a),
    );
    const none = recommend("chat", { device: { ...device, memoryBytes: gib } });
    const sizes = none.map(({ facts }) => facts.weightsBytes);
    assert.deepEqual(
      sizes,
      sizes.toSorted((a, b) => a - b),
    );
  });

  test("two bits are no reason to take a larger model", () => {
    for (const of of Object.values(adviceDevices)) {
      for (const one of recommend("chat", { device: of })) {
        assert.ok(one.suits !== "well" || one.quantisation !== "Q2_K", one.label);
      }
    }
  });

  test("less free memory means a smaller model", () => {
    const all = recommend("completion", { device })[0]!;
    const little = recommend("completion", { device, freeBytes: 8 * gib })[0]!;
    assert.ok(little.facts.weightsBytes < all.facts.weightsBytes);
    assert.ok(little.advice.fits && little.advice.needBytes <= 8 * gib);
  });

  test("a card of unknown speed still gets what fits", () => {
    const best = first(unknownDevice("NVIDIA RTX 9999", 24 * gib));
    assert.equal(best.suits, "well");
    assert.match(recommendationDetail(best, english), /speed not known/);
  });
});

suite("what is installed", () => {
  test("stands in the place of its published form", () => {
    const rows = recommend("completion", { device }, [installed("qwen2.5-coder:7b")]);
    assert.equal(rows.filter(({ label }) => /7b$/i.test(label)).length, 1);
    const seven = rows.find(({ label }) => label === "qwen2.5-coder:7b");
    assert.ok(seven?.installed && seven.entry === undefined);
  });

  test("for ghost text only what fills in the middle, and nothing of which nothing is known", () => {
    const chat = installed("mistral:7b", { fillsIn: false });
    const unknown = installed("my-own-thing", { facts: undefined });
    const labels = (purpose: "completion" | "chat") =>
      recommend(purpose, { device }, [chat, unknown]).map(({ label }) => label);
    assert.ok(!labels("completion").includes("mistral:7b"));
    assert.ok(labels("chat").includes("mistral:7b"));
    assert.ok(!labels("chat").includes("my-own-thing"));
  });

  test("one that no list has comes behind those of which is known how able they are", () => {
    const own = installed("house-coder", { facts: factsFromRow(findModel("mistral:7b")!, "Q4_K_M") });
    const rows = recommend("chat", { device }, [own]).filter(({ suits }) => suits === "well");
    assert.equal(rows.at(-1)?.label, "house-coder");
  });

  test("what was measured here stands in the place of what was predicted", () => {
    const measured = { tokensPerSecond: 9, promptTokensPerSecond: 512 };
    const rows = recommend("completion", { device }, [installed("qwen2.5-coder:7b", { measured })]);
    const slow = rows.find((one) => one.installed);
    assert.ok(slow?.isMeasured && slow.advice.fits);
    assert.deepEqual([slow.advice.speed.low, slow.advice.speed.high], [9, 9]);
    assert.equal(slow.suits, "poorly");
    assert.match(recommendationDetail(slow, english), /· 9 tokens\/s, measured here · context 16,384, read in 32 s/);
  });
});

suite("one line about each", () => {
  test("memory, speed as a range, context and how long it takes to be read", () => {
    assert.match(
      recommendationDetail(first(), english),
      /^\d+\.\d GB of 22\.1 GB · \d+–\d+ tokens\/s · context 16,384, read in \d+ s$/,
    );
  });

  test("why it does not fit, in one sentence", () => {
    for (const { advice } of recommend("chat", { device: rtx3080! })) {
      if (advice.fits) continue;
      assert.match(refusalSentence(advice, english), /^Does not fit, because [^.]*\d\.\d GB [^.]*\d\.\d GB here\.$/);
    }
  });
});

test("what to set for a loaded model, in one line", () => {
  const seven = findModelFacts("qwen2.5-coder:7b")!;
  assert.equal(
    batchTip(advise(seven, device), english),
    "Up to 8 requests at a time with 4,096 tokens each, or one with a context of 32,768.",
  );
  const moe = findModelFacts("qwen3-coder:30b")!;
  assert.match(batchTip(advise(moe, cpuOnly!), english), /^Best one request at a time, with a context of [\d,]+\.$/);
  assert.match(batchTip(advise(moe, rtx3080!), english), /^Does not fit, because/);
});

test("every published model is in the tables, and has a name to be downloaded by", () => {
  assert.equal(catalog.completion.length, 7);
  assert.equal(catalog.chat.length, 17);
  for (const entry of [...catalog.completion, ...catalog.chat]) {
    assert.match(entry.ollama, /^[a-z0-9.-]+(?::[a-z0-9.]+)?$/);
    assert.match(entry.repository, /^[\w-]+\/[\w.-]+-GGUF$/);
    assert.equal(findModel(entry.label), entry.row, entry.label);
    // What is downloaded is found again on the server's list.
    assert.equal(findModel(entry.ollama) ?? entry.row, entry.row, entry.ollama);
  }
  const [entry] = catalog.completion;
  assert.equal(pullName(entry!, "Q4_K_M"), "qwen3-coder:30b");
  assert.equal(pullName(entry!, "Q3_K_M"), "hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q3_K_M");
});
