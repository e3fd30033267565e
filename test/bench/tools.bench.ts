// How long choosing tools takes, and how often the right ones are among the chosen.
//   node test/bench/tools.bench.ts [--tools 256] [--rounds 5] [--tokens-per-second 5000]
// Prints a line of JSON per scenario and exits with 1 when a limit is missed. Times are the least of several fresh selectors for each
// request, then percentiles over the requests; single shots on a busy machine say more about the machine.
// The requests and tools lie in test/fixtures/tools; see the README there before changing anything by what this prints.
// Chats with 128 tools are played by a model that knows what it needs (test/fake/toolSession.ts); what its server has to read is counted,
// and for one turn also waited for, at --tokens-per-second.
// With HOTPATH_SHARED set, the yardstick in $HOTPATH_SHARED/bench/tools scores the selector as well, and its conversations are played.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createToolChooser } from "../../src/assistant/toolChooser.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { ToolDefinition } from "../../src/provider/provider.ts";
import { answerFindTools } from "../../src/tools/findTools.ts";
import { createSelector, type Tool, type ToolContext, type ToolSelector } from "../../src/tools/selector.ts";
import { toolTokens } from "../../src/tools/tool.ts";
import { measureSessions, type ToolSession } from "../fake/toolSession.ts";
import { readPool } from "./toolPools.ts";
import { firstTextMs } from "./toolServer.ts";

const { values: options } = parseArgs({
  options: {
    tools: { type: "string", default: "256" },
    rounds: { type: "string", default: "5" },
    "tokens-per-second": { type: "string", default: "5000" },
  },
});
const toolCount = Number(options.tools);
const rounds = Number(options.rounds);
const tokensPerSecond = Number(options["tokens-per-second"]);
if (!(toolCount > 0) || !(rounds > 0)) throw new Error("--tools and --rounds take numbers from 1");

type Request = { readonly query: string; readonly gold: readonly string[] };

const readLines = <T>(name: string): T[] =>
  readFileSync(path.join(import.meta.dirname, "../fixtures/tools", name), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

const collection = readLines<Tool>("services.tools.jsonl");
const requests = readLines<Request>("services.queries.jsonl");

/** The collection again and again under other names, so that every word is as frequent as it would be among so many tools. */
const many = Array.from({ length: toolCount }, (_, at): Tool => {
  const tool = collection[at % collection.length]!;
  const copy = Math.floor(at / collection.length);
  return copy === 0 ? tool : { ...tool, id: `${tool.id}#${copy}`, server: `${tool.server}${copy}` };
});
const firstServer = many[0]!.server;
const [oneServer, otherServers] = [
  many.filter(({ server }) => server === firstServer),
  many.filter(({ server }) => server !== firstServer),
];

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

const round = (value: number): number => Number(value.toFixed(2));

let isMissed = false;

/** Prints a scenario's figures; `limits` are the most that the figures of the same name may be. */
const report = (
  scenario: string,
  figures: Readonly<Record<string, number>>,
  limits: Readonly<Record<string, number>> = {},
): void => {
  const missed = Object.keys(limits).filter((name) => !(figures[name]! <= limits[name]!));
  isMissed ||= missed.length > 0;
  console.log(JSON.stringify({ scenario, ...figures, limits, ...(missed.length > 0 ? { missed } : {}) }));
};

const timeUs = (work: () => unknown): number => {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1_000;
};

/** Least time for each request, over selectors that `make` prepares. */
const leastUs = (
  make: () => ToolSelector,
  ask: (selector: ToolSelector, request: Request, at: number) => number,
): { p50Us: number; p99Us: number } => {
  const least = requests.map(() => Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < rounds; turn++) {
    const selector = make();
    for (const [at, request] of requests.entries()) least[at] = Math.min(least[at]!, ask(selector, request, at));
  }
  return { p50Us: round(quantile(least, 0.5)), p99Us: round(quantile(least, 0.99)) };
};

const k = 10;
const start: ToolContext = { tools: [], previous: [] };
const later: ToolContext = { tools: [many[0]!.id], previous: [] };
const reversed = ({ query }: Request): string => query.split(" ").toReversed().join(" ");

// The compiler gets warm with other requests than those that are measured.
const warmer = createSelector(many);
for (let at = 0; at < 3_000; at++) warmer.select(`${reversed(requests[at % requests.length]!)} w${at}`, k, start);

const fresh = (): ToolSelector => createSelector(many);
const asked = (): ToolSelector => {
  const selector = fresh();
  for (const { query } of requests) selector.select(query, k, start);
  return selector;
};
const taught = (): ToolSelector => {
  const selector = fresh();
  for (let at = 0; at < 2_000; at++) {
    const { query, gold } = requests[at % requests.length]!;
    selector.learn(at % 3 === 0 ? query : `${query} ${requests[(at * 7) % requests.length]!.query}`, gold, start);
  }
  return selector;
};

report(
  "cold",
  leastUs(fresh, (selector, { query }) => timeUs(() => selector.select(query, k))),
  { p50Us: 25, p99Us: 60 },
);
report(
  "exact hit",
  leastUs(asked, (selector, { query }) => timeUs(() => selector.select(query, k, start))),
  { p50Us: 2, p99Us: 6 },
);
report(
  "context hit",
  leastUs(asked, (selector, { query }) => timeUs(() => selector.select(query, k, later))),
  { p50Us: 2 },
);
const mixed = leastUs(asked, (selector, request, at) => {
  const hit = timeUs(() => selector.select(request.query, k, start));
  const miss = timeUs(() => selector.select(`${reversed(request)} x${at}`, k, start));
  return (hit + miss) / 2;
});
report("mixed, half hits", mixed, { p50Us: 10 });
report(
  "learned",
  leastUs(taught, (selector, request) => timeUs(() => selector.select(reversed(request), k, start))),
  { p50Us: 30 },
);

let buildMs = Number.POSITIVE_INFINITY;
let addServerMs = Number.POSITIVE_INFINITY;
for (let turn = 0; turn < rounds * 2; turn++) {
  buildMs = Math.min(buildMs, timeUs(fresh) / 1_000);
  const selector = createSelector(otherServers);
  addServerMs = Math.min(addServerMs, timeUs(() => selector.add(oneServer)) / 1_000);
}
report("build", { tools: many.length, ms: round(buildMs) }, { ms: 15 });
report("add a server", { tools: oneServer.length, ms: round(addServerMs) }, { ms: 5 });

/** Share of the tools needed that are in the lists, in percent. */
const recall = (listFor: (request: Request) => readonly string[], cut: number): number => {
  let sum = 0;
  for (const request of requests) {
    const list = new Set(listFor(request).slice(0, cut));
    sum += request.gold.filter((id) => list.has(id)).length / Math.min(cut, request.gold.length);
  }
  return round((100 * sum) / requests.length);
};
const ranked = (request: Request): readonly string[] => createSelector(collection).select(request.query, k);
report("collection not tuned to", {
  tools: collection.length,
  requests: requests.length,
  recallAt1: recall(ranked, 1),
  recallAt5: recall(ranked, 5),
  recallAt10: recall(ranked, 10),
});

// A conversation per request: what its first list and one call of find_tools with the same words give, and what is not sent.
let sentTokens = 0;
const allTokens = requests.length * collection.reduce((sum, tool) => sum + toolTokens(tool), 0);
const found = recall(({ query }) => {
  const selector = createSelector(collection);
  const ids = selector.select(query, k);
  for (const id of ids) sentTokens += toolTokens(selector.tool(id)!);
  return [...ids, ...answerFindTools(selector, { query }, new Set(ids)).ids];
}, collection.length);
report("first list and one find_tools", { recall: found, sentTokensShare: round(sentTokens / allTokens) });

/** As many tools as a conversation begins with, as `hotpath.tools.count` has it. */
const defaultCount = 12;
/** The length of what VS Code's agent says first (VS Code 1.139). */
const agentSystem = "You are an expert AI programming assistant. ".repeat(375);

/** Plays sessions with chosen tools and with all, in one window and in windows that have learned nothing. */
const playChats = async (
  name: string,
  sessions: readonly ToolSession[],
  toolsOf: (session: ToolSession, index: number) => readonly ToolDefinition[],
  limits: Readonly<Record<string, number>> = { sharePercent: 20, uncoveredPercent: 10, brokenPrefixes: 0 },
): Promise<void> => {
  const ledger = createLedger({ clock: systemClock });
  const open = (count: number | undefined) => createToolChooser({ ledger, count: () => count });
  const play = (count: number | undefined, { forgets = false, system = "You are a helpful assistant." } = {}) => {
    const shared = open(count);
    return measureSessions(sessions, {
      toolsOf,
      system,
      turnsOf: () => ({ ledger, turns: forgets ? open(count) : shared }),
    });
  };
  const all = await play(undefined);
  const allOfAgent = await play(undefined, { system: agentSystem });
  for (const [title, forgets] of [
    ["nothing learned", true],
    ["learning", false],
  ] as const) {
    const chosen = await play(defaultCount, { forgets });
    const ofAgent = await play(defaultCount, { forgets, system: agentSystem });
    const figures = {
      turns: chosen.turns,
      firstTurnTokens: round(chosen.firstTurnTokens),
      firstTurnTokensOfAll: round(all.firstTurnTokens),
      sharePercent: round((100 * chosen.firstTurnTokens) / all.firstTurnTokens),
      sharePercentWithAgentsPrompt: round((100 * ofAgent.firstTurnTokens) / allOfAgent.firstTurnTokens),
      laterTurnTokens: round(chosen.laterTurnTokens),
      laterTurnTokensOfAll: round(all.laterTurnTokens),
      listedPercent: round(100 * chosen.listedShare),
      coveredPercent: round(100 * chosen.coveredShare),
      uncoveredPercent: round(100 - 100 * chosen.coveredShare),
      turnsWithoutAnyPercent: round(100 - 100 * chosen.partlyShare),
      brokenPrefixes: chosen.brokenPrefixes,
    };
    report(`${name}, ${title}`, figures, limits);
  }
};

const agentTools = readLines<ToolDefinition>("agent/agent.tools.jsonl").map(({ name, description, parameters }) => ({
  name,
  description,
  parameters,
}));
const agentSessions = readLines<ToolSession>("agent/agent.sessions.jsonl");
await playChats("chat with 128 tools", agentSessions, () => agentTools);

let allMs = 0;
let chosenMs = 0;
for (let at = 0; at < agentSessions.length; at += 6) {
  const chat = { tools: agentTools, session: agentSessions[at]!, tokensPerSecond };
  allMs += await firstTextMs({ ...chat, count: undefined });
  chosenMs += await firstTextMs({ ...chat, count: defaultCount });
}
report(
  "first token over sockets, four turns",
  { tokensPerSecond, allMs: round(allMs), chosenMs: round(chosenMs), sharePercent: round((100 * chosenMs) / allMs) },
  { sharePercent: 20 },
);

const yardstick = path.join(process.env["HOTPATH_SHARED"] ?? "", "bench/tools/score.mjs");
if (process.env["HOTPATH_SHARED"] && existsSync(yardstick)) {
  const selector = path.join(import.meta.dirname, "../../src/tools/selector.ts");
  for (const flags of [
    ["--pools", "bfcl,mcp,multiturn"],
    ["--pools", "bfcl,mcp", "--sizes", "256"],
    ["--pools", "multiturn", "--sessions", "--shown-only"],
  ])
    spawnSync(process.execPath, [yardstick, selector, ...flags], { stdio: "inherit" });
  const folder = path.join(path.dirname(yardstick), "dev");
  for (const [pool, kind] of [
    ["mcp", "queries"],
    ["multiturn", "sessions"],
  ] as const) {
    const { sessions, toolsOf } = readPool(folder, pool, kind);
    await playChats(`${pool} ${kind} with 128 tools`, sessions, toolsOf);
  }
  // What an agent once asked a router for tools, and all that it then called: no request of a person's, and nothing to hold anybody to.
  const { sessions, toolsOf } = readPool(folder, "mcp", "sessions");
  await playChats("mcp sessions with 128 tools", sessions, toolsOf, { brokenPrefixes: 0 });
}
if (isMissed) process.exitCode = 1;
