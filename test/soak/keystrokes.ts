// A long day of typing through the completion engine against a model server: nothing piles up, nothing is left behind.
//   node --expose-gc test/soak/keystrokes.ts [--keys 20000]
// Prints one line of JSON; exit code 1 when something does not hold.
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { silentLog } from "../../src/base/log.ts";
import { createCompletionEngine } from "../../src/completion/engine.ts";
import type { Snapshot } from "../../src/completion/snapshot.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { Provider } from "../../src/provider/provider.ts";
import { createServers } from "../../src/provider/servers.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { createCountedClock } from "../fake/countedClock.ts";
import { createModelServer } from "../fake/modelServer.ts";
import { fractionOf } from "./plan.ts";

/** What must hold. */
const limits = {
  heapMbPerThousand: 1,
  /** A line through fewer keys than this says nothing about a slope. */
  slopeKeys: 10_000,
};

const { values } = parseArgs({ options: { keys: { type: "string", default: "20000" } } });
const keys = Number(values.keys);
const collectGarbage = globalThis.gc;
if (!collectGarbage) throw new Error("Run it with --expose-gc: garbage would look like a leak");

// A day of typing in a minute: what waits for a pause waits a hundredth of it.
const clock = createCountedClock((delayMs) => (delayMs > 1000 ? delayMs : delayMs / 100));

const lines = [
  "const total = items.reduce((sum, item) => sum + item.price, 0);",
  "if (total > limit) throw new RangeError(`too much: ${total}`);",
  "for (const [name, value] of Object.entries(options)) settings.set(name, value);",
  "return { total, count: items.length };",
];
const lineOf = (seed: number): string => lines[Math.floor(fractionOf(seed, "line") * lines.length)]!;

/** What the server says: mostly how the line that is being typed goes on, and some lines more. */
const answerTo = (prefix: string): string => {
  const line = prefix.slice(prefix.lastIndexOf("\n") + 1).trimStart();
  const whole = lines.find((candidate) => candidate.startsWith(line)) ?? "done();";
  const isWrong = fractionOf(prefix.length, "wrong") < 0.2;
  return `${isWrong ? "elsewhere()" : whole.slice(line.length)}\n  ${lineOf(prefix.length)}\n  ${lineOf(prefix.length + 1)}`;
};

let unhandled = 0;
process.on("unhandledRejection", () => unhandled++);
const heldResources = (): string[] => process.getActiveResourcesInfo().toSorted();
const resourcesBefore = heldResources();

const server = await createModelServer({ modelId: "m", slots: 1, complete: ({ prefix }) => answerTo(prefix) });
const transport = createTransportClient({ clock, log: silentLog });
const servers = createServers({ transport, clock, log: silentLog, apiKeyFor: () => Promise.resolve(undefined) });
const opened = await servers.open({ provider: "llamacpp", baseUrl: server.url, model: "m" });
/** The server's prompt cache holds all but the newest text: without that nothing is asked ahead. */
const provider: Provider = {
  ...opened,
  async *streamCompletion(request, options) {
    for await (const part of opened.streamCompletion(request, options)) {
      if (part.type !== "end") yield part;
      else yield { ...part, usage: { ...part.usage, cachedTokens: (part.usage.promptTokens ?? 0) - 20 } };
    }
  },
};
const ledger = createLedger({ clock });
const failures: unknown[] = [];
const engine = createCompletionEngine({
  clock,
  ledger,
  onBetter: () => {},
  onSuccess: () => {},
  onFailure: (error) => failures.push(error),
});
/** Sure of the rest of a line once half of it is typed, and sometimes wrong. */
const predictor = {
  predict({ prefix }: { prefix: string }) {
    const line = prefix.slice(prefix.lastIndexOf("\n") + 1).trimStart();
    const whole = line.length > 20 ? lines.find((candidate) => candidate.startsWith(line)) : undefined;
    const text =
      fractionOf(prefix.length, "guess") < 0.1 ? "guessed(wrong)" : whole?.slice(line.length, line.length + 12);
    return Promise.resolve(text === undefined ? undefined : { text, confidence: fractionOf(prefix.length, "sure") });
  },
};
engine.use({ model: { provider, model: "m" }, predictor });

type Document = { readonly id: string; text: string; cursor: number };
const filler = `${lines.map((line) => `  ${line}\n`).join("")}\n`.repeat(40);
const documents: Document[] = Array.from({ length: 6 }, (_, number) => {
  const head = `// file ${number}\n${filler}`;
  return { id: `file:///${number}.ts`, text: `${head}\n${filler}`, cursor: head.length };
});
const snapshotOf = ({ id, text, cursor }: Document): Snapshot => ({
  documentId: id,
  path: id,
  languageId: "typescript",
  prefix: text.slice(0, cursor),
  suffix: text.slice(cursor),
  aheadUnits: 0,
});
const edit = (document: Document, removed: number, inserted: string): void => {
  const { text, cursor } = document;
  document.text = text.slice(0, cursor - removed) + inserted + text.slice(cursor);
  document.cursor = cursor - removed + inserted.length;
  engine.documentChanged(document.id, () => [snapshotOf(document)], { insertedUnits: inserted.length });
};

const counts = { typed: 0, deleted: 0, accepted: 0, jumped: 0, undone: 0, shown: 0 };
let document = documents[0]!;
let asking = new AbortController();
let shown: Awaited<ReturnType<typeof engine.suggest>>;
let target = lineOf(0);
const samples: { readonly completions: number; readonly heapMb: number }[] = [];
const offered = (): number => ledger.snapshot().suggestions.reduce((sum, row) => sum + row.offered, 0);
const jump = (key: number): void => {
  document = documents[Math.floor(fractionOf(key, "document") * documents.length)]!;
  const wanted = Math.floor(fractionOf(key, "place") * document.text.length);
  document.cursor = document.text.indexOf("\n", wanted) + 1 || document.text.length;
  target = "";
  counts.jumped++;
};

for (let key = 0; key < keys; key++) {
  const action = fractionOf(key, "action");
  if (shown && action < 0.04) {
    edit(document, 0, shown.insertText);
    engine.accepted(shown);
    counts.accepted++;
    if (fractionOf(key, "undo") < 0.2) {
      const { length } = shown.insertText;
      document.text = document.text.slice(0, document.cursor - length) + document.text.slice(document.cursor);
      document.cursor -= length;
      engine.documentChanged(document.id, () => [snapshotOf(document)]);
      engine.undone(document.id);
      counts.undone++;
    }
    target = "";
  } else if (action < 0.06) jump(key);
  else if (action < 0.12) {
    const start = document.text.lastIndexOf("\n", document.cursor - 1) + 1;
    if (document.cursor > start) {
      target = document.text[document.cursor - 1]! + target;
      edit(document, 1, "");
      counts.deleted++;
    }
  } else {
    if (target === "") {
      target = `\n  ${lineOf(key)}`;
      // A document stays as long as it is: an old line goes where a new one comes.
      document.text = document.text.slice(0, -(target.length + 1)) + "\n";
      document.cursor = Math.min(document.cursor, document.text.length);
    }
    // Sometimes a slip that is taken back by the next backspaces.
    edit(document, 0, fractionOf(key, "slip") < 0.02 ? "x" : target[0]!);
    target = target.slice(1);
    counts.typed++;
  }
  // A fast typist's next key comes before the answer, others wait for it.
  asking.abort();
  asking = new AbortController();
  const answer = engine.suggest(snapshotOf(document), asking.signal);
  const patience = fractionOf(key, "patience");
  if (patience < 0.3) await turn();
  else shown = await Promise.race([answer, delay(patience < 0.9 ? 2 : 15, undefined)]);
  // Somebody looks at the text: what comes behind it is asked for.
  if (patience > 0.95) await delay(8);
  if (shown) counts.shown++;
  // The first quarter warms up: compiled code, and what is kept until it is full.
  if (key % 250 === 249 && key > keys / 4) {
    // The server keeps every request for tests to look at, in two places.
    for (let count = server.requests.length; count > 0; count--) await server.nextRequest();
    (server.requests as unknown[]).length = 0;
    collectGarbage();
    samples.push({ completions: offered(), heapMb: process.memoryUsage().heapUsed / (1024 * 1024) });
  }
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
/** Megabytes that 1000 further completions take, by the straight line that lies nearest to all samples. */
const slope = (): number => {
  const at = mean(samples.map(({ completions }) => completions));
  const heapMb = mean(samples.map((sample) => sample.heapMb));
  let [above, below] = [0, 0];
  for (const sample of samples) {
    above += (sample.completions - at) * (sample.heapMb - heapMb);
    below += (sample.completions - at) ** 2;
  }
  return below === 0 ? 0 : (above / below) * 1000;
};

const { suggestions, requestTotals } = ledger.snapshot();
asking.abort();
engine.dispose();
await turn();
const runningLeft = ledger.runningCount();
servers.dispose();
await transport.close();
const timersLeft = clock.timers();
const openLeft = transport.counters().openNow;
// The server hears of the last ones a moment later.
for (let count = 0; count < 100 && server.connections().open > 0; count++) await delay(20);
const connectionsLeft = server.connections().open;
await server.close();
for (let count = 0; count < 20; count++) await turn();
const resourcesLeft = heldResources().filter((name) => !resourcesBefore.includes(name));

const heapMbPerThousand = slope();
const held = {
  heap: keys < limits.slopeKeys || heapMbPerThousand < limits.heapMbPerThousand,
  sockets: openLeft === 0 && connectionsLeft === 0 && resourcesLeft.length === 0,
  timers: timersLeft === 0,
  requests: runningLeft === 0,
  failures: failures.length === 0 && requestTotals.failed === 0,
  unhandled: unhandled === 0,
  // A soak in which nothing happens proves nothing.
  everyRung: keys < limits.slopeKeys || suggestions.every((row) => row.offered > 0),
};
const pass = Object.values(held).every(Boolean);
const round = (value: number): number => Math.round(value * 1000) / 1000;
console.log(
  JSON.stringify({
    pass,
    held,
    keys,
    counts,
    requests: requestTotals,
    offered: Object.fromEntries(suggestions.map(({ source, offered: count }) => [source, count])),
    heapMb: round(samples.at(-1)?.heapMb ?? 0),
    heapMbPerThousand: round(heapMbPerThousand),
    timersLeft,
    openLeft,
    connectionsLeft,
    resourcesLeft,
    runningLeft,
  }),
);
process.exitCode = pass ? 0 : 1;
