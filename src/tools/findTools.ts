import { describeArguments } from "./schemaText.ts";
import type { ToolSelector } from "./selector.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** The tool with which a model asks for tools that it was not given. */
export const findTools = {
  name: "find_tools",
  description:
    "Finds more tools. Use this when none of your tools can do what is asked. " +
    "The answer names tools and their arguments; use them with call_tool.",
  parameters: {
    type: "object",
    properties: { query: { type: "string", description: "What the tool has to do, in a few words" } },
    required: ["query"],
  },
} as const;

/**
 * The tool with which a model uses what it found. llama.cpp's grammar and Ollama's reader of answers know the declared names only
 * (2026-11), and to declare another tool would change the head of the prompt.
 */
export const callTool = {
  name: "call_tool",
  description: "Uses a tool that find_tools named.",
  parameters: {
    type: "object",
    properties: {
      name: { type: "string", description: "Name of the tool" },
      arguments: { type: "object", description: "Its arguments" },
    },
    required: ["name", "arguments"],
  },
} as const;

/** The answer to a call of {@link findTools}. */
export type FoundTools = {
  /** The tool's result for the model. */
  readonly text: string;
  /** Ids of the tools that the text describes, best first; none that the model had. */
  readonly ids: readonly string[];
};

/** More than a conversation begins with: who asks wants something that a ranking by the request's words did not bring. */
const foundPerCall = 20;
const maxQueryUnits = 1_000;
const maxDescriptionUnits = 300;

/** A text as one line of at most so many units. */
export const oneLine = (text: string, units: number): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= units ? line : `${line.slice(0, units - 1)}…`;
};

const describe = ({ name, description, parameters }: Tool): string =>
  `- ${name}: ${oneLine(description, maxDescriptionUnits)}\n  arguments: ${describeArguments(parameters)}`;

/** Describes tools for a model, in a message rather than in the list of tools; much shorter than their schemas. */
export const describeTools = (tools: readonly Tool[]): string =>
  `These tools can be used with ${callTool.name}:\n${tools.map(describe).join("\n")}`;

const queryOf = (input: unknown): string => {
  const query = typeof input === "object" && input !== null ? (input as { readonly query?: unknown }).query : input;
  return typeof query === "string" ? query.slice(0, maxQueryUnits).trim() : "";
};

/**
 * Answers a call of {@link findTools}. `input` is whatever the model gave; `known` are the tools that it has. Changes nothing.
 */
export const answerFindTools = (
  selector: Pick<ToolSelector, "select" | "tool">,
  input: unknown,
  known: ReadonlySet<string>,
  context?: ToolContext,
): FoundTools => {
  const query = queryOf(input);
  if (!query) return { text: 'Give "query": what the tool has to do, in a few words.', ids: [] };
  const ranked = selector.select(query, foundPerCall + known.size, context);
  const found = ranked
    .filter((id) => !known.has(id))
    .slice(0, foundPerCall)
    .map((id) => selector.tool(id))
    .filter((tool) => tool !== undefined);
  const best = ranked[0];
  const fitting = best !== undefined && known.has(best) ? selector.tool(best)?.name : undefined;
  const hint = fitting === undefined ? "" : `You already have ${fitting}, which fits best.`;
  if (found.length === 0) return { text: hint || "No other tool fits. Try other words, or answer without.", ids: [] };
  return { text: `${hint}\n${describeTools(found)}`.trim(), ids: found.map(({ id }) => id) };
};
