import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes } from "../../../src/memory/format.ts";
import { createLedger, firstTokenSpan } from "../../../src/metrics/ledger.ts";
import { noToolSelections, withToolSelection } from "../../../src/metrics/toolTally.ts";
import { formatDuration, formatUsd } from "../../../src/report/formats.ts";
import { buildReport, type ReportInput } from "../../../src/report/model.ts";
import { createFakeClock } from "../../fake/clock.ts";

const t = (message: string, ...values: (string | number)[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, n: string) => String(values[Number(n)]));

const input = (ledger: ReportInput["ledger"], nowMs = 0): ReportInput => ({
  ledger,
  memory: {
    atMs: 0,
    hostRssBytes: 200 * 2 ** 20,
    hostHeapBytes: 50 * 2 ** 20,
    hostHeapLimitBytes: 4 * 2 ** 30,
    machineTotalBytes: 16 * 2 ** 30,
    machineAvailableBytes: 4 * 2 ** 30,
  },
  hardware: undefined,
  predictor: undefined,
  connections: undefined,
  nowMs,
  formatBytes,
  t,
});

test("an empty run says what to do instead of showing empty tables", () => {
  const view = buildReport(input(createLedger({ clock: createFakeClock() }).snapshot()));
  assert.deepEqual([view.suggestions.rows, view.requests.rows], [[], []]);
  assert.match(view.requests.empty, /set up a model server/);
  assert.equal(view.cards.find(({ label }) => label === "Machine")!.value, "75 %");
});

test("a request's bars lie in order on one scale, overlapping parts below each other", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const request = ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "m" });
  const first = request.span.child(firstTokenSpan);
  const wait = request.span.child("wait");
  clock.advance(60);
  wait.end();
  clock.advance(20);
  first.end();
  request.span.child("generation");
  clock.advance(20);
  request.end("ok");
  const [row] = buildReport(input(ledger.snapshot(), clock.nowMs())).requests.rows;
  assert.deepEqual(
    row!.parts.map(({ name, start, width, lane }) => [name, start, width, lane]),
    [
      [firstTokenSpan, 0, 0.8, 0],
      ["wait", 0, 0.6, 1],
      ["generation", 0.8, 0.2, 0],
    ],
  );
  assert.deepEqual(row!.cells.slice(3, 6), ["answered", "80 ms", "100 ms"]);
});

test("a model file is named without its folders, a model's name is left whole", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  for (const model of ["/home/me/models/coder.gguf", "C:\\models\\coder.gguf", "qwen/qwen3-coder"]) {
    ledger.startRequest({ feature: "completion", provider: "llamacpp", model });
  }
  const rows = buildReport(input(ledger.snapshot())).requests.rows;
  assert.deepEqual(
    rows.map(({ cells }) => cells[2]),
    ["qwen/qwen3-coder", "coder", "coder"],
  );
});

test("ghost text is one table: what was shown, taken and kept, and a dash where there is nothing to count", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  ledger.offered("live", 0.5);
  ledger.offered("network", 80);
  ledger.shown("network");
  ledger.accepted("network", 10);
  ledger.kept("network", 10, 0.94);
  const rows = () => buildReport(input(ledger.snapshot())).suggestions.rows;
  assert.deepEqual(
    rows().map((row) => row.toSpliced(2, 2)),
    [
      ["Typed through the text on screen", "1", "–", "–", "–", "–", "–"],
      ["Model", "1", "1", "1", "–", "10", "94 %"],
    ],
  );
  ledger.undone("network", 10);
  assert.equal(rows()[1]!.at(-1), "47 %, 1 undone");
  assert.ok(rows().every((row) => row.length === buildReport(input(ledger.snapshot())).suggestions.columns.length));
});

test("thousands stand apart in every count", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  const request = ledger.startRequest({ feature: "chat", provider: "llamacpp", model: "m" });
  request.usage({ promptTokens: 12_000, cachedTokens: 9000, generatedTokens: 1500 });
  request.end("ok");
  ledger.accepted("network", 4096);
  const { cards, requests, suggestions } = buildReport({
    ...input(ledger.snapshot()),
    predictor: { files: 1234, textBytes: 0, memoryBytes: 0 },
  });
  const card = (label: string) => cards.find((one) => one.label === label)!;
  assert.deepEqual(card("Tokens"), {
    label: "Tokens",
    value: "13,500",
    detail: "12,000 read, 9,000 of them cached, 1,500 written",
  });
  assert.equal(card("Predictor").value, "1,234 files");
  assert.equal(requests.rows[0]!.cells.at(-1), "12,000 → 1,500");
  assert.equal(suggestions.rows[0]!.at(-2), "4,096");
});

test("a running request grows and a failed one says why", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  ledger.startRequest({ feature: "chat", provider: "llamacpp", model: "m" }).end("failed", "timeout");
  ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "m" });
  clock.advance(1500);
  const [running, failed] = buildReport(input(ledger.snapshot(), clock.nowMs())).requests.rows;
  assert.deepEqual([running!.outcome, running!.cells[5]], ["running", "1.5 s"]);
  assert.equal(failed!.cells[3], "failed: took too long");
});

test("a request that hangs does not press the others into a corner", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const hanging = ledger.startRequest({ feature: "chat", provider: "llamacpp", model: "m" });
  hanging.span.child("wait");
  const done = ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "m" });
  const wait = done.span.child("wait");
  clock.advance(50);
  wait.end();
  clock.advance(50);
  done.end("ok");
  clock.advance(100_000);
  const [answered, running] = buildReport(input(ledger.snapshot(), clock.nowMs())).requests.rows;
  assert.deepEqual(
    [answered, running].map((row) => row!.parts[0]!.width),
    [0.5, 1],
  );
  assert.deepEqual([answered!.cells[1], running!.cells[1]], ["Ghost text", "Chat"]);
});

test("timing stands in words too, for who cannot see the bars", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const request = ledger.startRequest({ feature: "chat", provider: "llamacpp", model: "m" });
  for (const name of ["queue", firstTokenSpan, "attempt 2"]) {
    const part = request.span.child(name);
    clock.advance(20);
    part.end();
  }
  request.end("ok");
  const [row] = buildReport(input(ledger.snapshot(), clock.nowMs())).requests.rows;
  assert.equal(row!.timing, "Wait for a place: 20 ms, Until the first token: 20 ms, Attempt 2: 20 ms");
});

test("hardware is shown when known, and the reason when not", () => {
  const ledger = createLedger({ clock: createFakeClock() }).snapshot();
  const facts = { cpu: "Fast CPU", physicalCores: 8, gpus: [{ name: "Big GPU", memoryBytes: 24 * 2 ** 30 }] };
  const known = buildReport({ ...input(ledger), hardware: facts }).cards.slice(-2);
  assert.deepEqual(
    known.map(({ value, detail }) => [value, detail]),
    [
      ["Fast CPU", "8 physical cores"],
      ["Big GPU", "24.0 GB"],
    ],
  );
  const single = buildReport({ ...input(ledger), hardware: { ...facts, physicalCores: 1 } });
  assert.equal(single.cards.at(-2)!.detail, "1 physical core");
  assert.equal(buildReport({ ...input(ledger), hardware: "no probe" }).cards.at(-1)!.detail, "no probe");
});

test("durations read at a glance", () => {
  assert.deepEqual([undefined, 0.04, 3.14, 85.4, 2345].map(formatDuration), [
    "–",
    "0.04 ms",
    "3.1 ms",
    "85 ms",
    "2.3 s",
  ]);
});

test("connections: numbers in plain words, one row for each server and model, nothing that did not happen", () => {
  const ledger = createLedger({ clock: createFakeClock() }).snapshot();
  const quiet = buildReport(input(ledger)).connections;
  assert.deepEqual([quiet.facts, quiet.rows], [[], []]);
  const server = {
    kind: "ollama",
    origin: "http://127.0.0.1:11434",
    model: "qwen2.5-coder:1.5b",
    limit: 2,
    running: 1,
    queued: 3,
    breaker: "closed",
    openMs: 0,
    pausedMs: 0,
  } as const;
  const resilience = { retries: 0, retriesSucceeded: 0, hedges: 0, hedgesWon: 0, unusedUsd: 0, fallbacks: 0 };
  const connections = {
    transport: { requests: 9, opened: 2, reused: 7, queued: 0, openNow: 1 },
    resilience,
    servers: [
      server,
      { ...server, model: "", pausedMs: 12_000 },
      { ...server, breaker: "open", openMs: 5000 },
      { ...server, breaker: "half-open" },
    ],
  } as const;
  const calm = buildReport({ ...input(ledger), connections }).connections;
  assert.deepEqual(calm.facts, ["open now: 1, opened: 2, requests that found one open: 7"]);
  assert.deepEqual(calm.rows, [
    ["127.0.0.1:11434", "qwen2.5-coder:1.5b", "1 of at most 2", "3", "OK"],
    ["127.0.0.1:11434", "the server's own", "1 of at most 2", "3", "asks for a pause, 12.0 s left"],
    ["127.0.0.1:11434", "qwen2.5-coder:1.5b", "1 of at most 2", "3", "left alone after faults, 5.0 s left"],
    ["127.0.0.1:11434", "qwen2.5-coder:1.5b", "1 of at most 2", "3", "being tried again"],
  ]);
  const busy = buildReport({
    ...input(ledger),
    connections: {
      ...connections,
      transport: { ...connections.transport, queued: 4 },
      resilience: { retries: 5, retriesSucceeded: 4, hedges: 3, hedgesWon: 1, unusedUsd: 0.0004, fallbacks: 2 },
    },
  }).connections;
  assert.deepEqual(busy.facts.slice(1), [
    "requests that wait for a connection: 4",
    "requests sent again: 5, answered then: 4",
    "second requests because the first was late: 3, answered first: 1",
    "charged for answers that nobody got: $0.0004",
    "requests given to another model: 2",
  ]);
});

test("costs are shown once a server has said one, and never before", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  ledger.startRequest({ feature: "chat", provider: "ollama", model: "m" }).end("ok");
  const free = buildReport(input(ledger.snapshot()));
  assert.ok(!free.requests.columns.includes("Cost"));
  assert.ok(!free.cards.some(({ label }) => label === "Cost"));
  const paid = ledger.startRequest({ feature: "chat", provider: "openrouter", model: "m" });
  paid.usage({ costUsd: 0.000_02 });
  paid.end("ok");
  const view = buildReport(input(ledger.snapshot()));
  assert.equal(view.cards.find(({ label }) => label === "Cost")?.value, "$0.00002");
  const column = view.requests.columns.indexOf("Cost");
  assert.deepEqual(
    view.requests.rows.map(({ cells }) => cells[column]),
    ["$0.00002", "–"],
  );
});

test("money as people read it", () => {
  for (const [usd, text] of [
    [0, "$0.00"],
    [1.25, "$1.25"],
    [0.01, "$0.01"],
    [0.000_02, "$0.00002"],
    [0.000_123, "$0.00012"],
    [0.1 + 0.2, "$0.30"],
  ] as const) {
    assert.equal(formatUsd(usd), text);
  }
});

const section = (machine: ReportInput["machine"]) =>
  buildReport({ ...input(createLedger({ clock: createFakeClock() }).snapshot()), ...(machine ? { machine } : {}) })
    .machine;

test("advice for this machine comes when somebody asks, and can be copied then", () => {
  assert.deepEqual(section(undefined), {
    heading: "Models on this machine",
    button: { label: "Show what fits this machine", asks: "machine" },
    sentences: [],
    tables: [],
  });
  assert.equal(section("reading").button, undefined);
  assert.match(section("reading").sentences[0] ?? "", /^Looking/);
  assert.deepEqual(section({ problem: "It failed." }).button?.asks, "machine");
  const tables = [{ head: ["Model"], rows: [["a"]] }];
  const shown = section({ sentences: ["A card."], tables, markdown: "| Model |" });
  assert.deepEqual([shown.button?.asks, shown.tables], ["copyMachine", tables]);
});

test("chosen tools: each source with the recall it gave, what was saved, and nothing but a sentence before the first", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  const view = () => buildReport(input(ledger.snapshot())).tools;
  assert.deepEqual(view().rows, []);
  assert.match(view().empty, /^No choice yet/);
  const words = { source: "words", calls: 3, callsListed: 2, searches: 1, promptTokensSaved: 20_000 } as const;
  const one = withToolSelection(noToolSelections, words);
  ledger.toolsChosen(one);
  assert.deepEqual(view().rows, [["Words alone", "1", "3", "67 %"]]);
  const none = { source: "context", calls: 0, callsListed: 0, searches: 0, promptTokensSaved: -200 } as const;
  ledger.toolsChosen(withToolSelection(one, none));
  assert.deepEqual(view().rows, [
    ["An earlier request of the same turn", "1", "0", "–"],
    ["Words alone", "1", "3", "67 %"],
    ["All together", "2", "3", "67 %"],
  ]);
  assert.ok(view().rows.every((row) => row.length === view().columns.length));
  assert.deepEqual(view().facts, [
    "tokens of tool descriptions that were not sent, estimated: 19,800",
    "times a model asked for more tools: 1",
  ]);
});
