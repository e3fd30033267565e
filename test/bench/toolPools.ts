// Conversations of the yardstick in $HOTPATH_SHARED/bench/tools, each with 128 tools as VS Code would offer them: the built-in ones, those
// that it needs, the rest of their servers, and other servers whole.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ToolDefinition } from "../../src/provider/provider.ts";
import type { ToolSession } from "../fake/toolSession.ts";

type PoolTool = ToolDefinition & { readonly id: string; readonly server?: string };
type PoolTurn = {
  readonly query: string;
  readonly gold: readonly string[];
  readonly alts?: Readonly<Record<string, readonly string[]>>;
};

const offered = 128;

/** What models see some built-in tools as. */
const coreNames: Readonly<Record<string, string>> = {
  copilot_readFile: "read_file",
  copilot_listDirectory: "list_dir",
  copilot_findTextInFiles: "grep_search",
  copilot_createFile: "create_file",
  copilot_replaceString: "replace_string_in_file",
};

const serverOf = ({ id, server }: PoolTool): string => server ?? id.split(".")[0]!;

const isBuiltIn = (tool: PoolTool): boolean => serverOf(tool) === "builtin:copilot";

/** As VS Code names tools of MCP servers: a short mark of the server before the name. */
const nameOf = (tool: PoolTool): string => {
  if (isBuiltIn(tool)) return coreNames[tool.name] ?? tool.name;
  const mark = serverOf(tool)
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-")
    .slice(0, 13);
  return `mcp_${mark}_${tool.name}`;
};

/** The tools of a conversation; which other servers come along depends on its number. */
const offerFor = (
  needed: ReadonlySet<string>,
  pool: readonly PoolTool[],
  number: number,
): ReadonlyMap<string, PoolTool> => {
  const chosen = new Map<string, PoolTool>();
  const names = new Set<string>();
  const add = (tool: PoolTool): void => {
    if (chosen.size >= offered || names.has(nameOf(tool))) return;
    chosen.set(tool.id, tool);
    names.add(nameOf(tool));
  };
  for (const tool of pool) if (needed.has(tool.id)) add(tool);
  for (const tool of pool) if (isBuiltIn(tool)) add(tool);
  const own = new Set([...chosen.values()].map(serverOf));
  for (const tool of pool) if (own.has(serverOf(tool))) add(tool);
  const servers = [...new Set(pool.map(serverOf))];
  for (let at = 0; at < servers.length; at++) {
    const server = servers[(at * 31 + number * 17) % servers.length]!;
    for (const tool of pool) if (serverOf(tool) === server) add(tool);
  }
  return chosen;
};

/** One pool's conversations with their tools, in the order of VS Code's names. */
export const readPool = (folder: string, pool: "mcp" | "multiturn", kind: "queries" | "sessions") => {
  const read = <T>(name: string): T[] =>
    readFileSync(path.join(folder, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as T);
  const builtIns = read<PoolTool>("multiturn/tools.jsonl").filter(isBuiltIn);
  const tools = read<PoolTool>(`${pool}/tools.jsonl`);
  const all = [...tools, ...(tools.some(isBuiltIn) ? [] : builtIns)];
  const conversations: { id: string; turns: readonly PoolTurn[] }[] =
    kind === "sessions"
      ? read<{ id: string; turns: PoolTurn[] }>(`${pool}/sessions.jsonl`)
      : read<PoolTurn & { id: string }>(`${pool}/queries.jsonl`).map((turn) => ({ id: turn.id, turns: [turn] }));
  const offers: ToolDefinition[][] = [];
  const sessions = conversations.map(({ id, turns }, number): ToolSession => {
    const needed = new Set(turns.flatMap(({ gold, alts = {} }) => [...gold, ...Object.values(alts).flat()]));
    const offer = offerFor(needed, all, number);
    const nameFor = (other: string): string => nameOf(offer.get(other)!);
    offers.push(
      [...offer.values()]
        .map((tool) => ({ name: nameOf(tool), description: tool.description, parameters: tool.parameters }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
    return {
      id,
      turns: turns.map(({ query, gold, alts = {} }) => ({
        query,
        needed: gold.filter((other) => offer.has(other)).map(nameFor),
        instead: Object.fromEntries(
          Object.entries(alts).map(([other, list]) => [
            nameFor(other),
            list.filter((one) => offer.has(one)).map(nameFor),
          ]),
        ),
      })),
    };
  });
  return { sessions, toolsOf: (_session: ToolSession, index: number) => offers[index]! };
};
