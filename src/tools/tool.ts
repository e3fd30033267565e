/** A tool that a model may be offered, as far as choosing it needs. */
export type Tool = {
  /** Unique; what a selection consists of. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments, as its owner gives it; may be anything. */
  readonly parameters: unknown;
  /** The MCP server or extension that brings it. */
  readonly server?: string;
};

/** What came before a request in the same conversation. */
export type ToolContext = {
  /** Ids of the last 10 tool calls, oldest first, repetitions kept. */
  readonly tools: readonly string[];
  /** The last 3 requests, oldest first. */
  readonly previous: readonly string[];
};

/** The texts of a schema's parameters, each list as one text. */
export type ParameterText = { readonly names: string; readonly descriptions: string };

const maxDepth = 5;
const maxParameters = 200;
const maxEnumValues = 20;
const maxDescriptionUnits = 2_000;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Collects names and descriptions of a schema's parameters, the first few hundred of a huge one. Never throws. */
export const parameterText = (schema: unknown): ParameterText => {
  let names = "";
  let descriptions = "";
  let left = maxParameters;
  const visit = (node: unknown, depth: number): void => {
    if (!isObject(node) || depth > maxDepth) return;
    const properties = node["properties"];
    if (isObject(properties)) {
      for (const name of Object.keys(properties)) {
        if (left-- <= 0) return;
        names += `${name}\n`;
        const property = properties[name];
        if (!isObject(property)) continue;
        const description = property["description"];
        if (typeof description === "string") descriptions += `${description.slice(0, maxDescriptionUnits)}\n`;
        const values = property["enum"];
        if (Array.isArray(values)) {
          for (const value of values.slice(0, maxEnumValues))
            if (typeof value === "string") descriptions += `${value}\n`;
        }
        visit(property, depth + 1);
        visit(property["items"], depth + 1);
      }
    }
  };
  visit(schema, 0);
  return { names, descriptions };
};

/** The server of a tool, or what its id says of its origin: the part before the first dot or slash. */
export const groupOf = (tool: Tool): string => {
  if (tool.server) return tool.server;
  const end = tool.id.search(/[./]/);
  return end > 0 ? tool.id.slice(0, end) : tool.id;
};

/** Tokens that a tool takes in a prompt, estimated as characters / 4, which is fewer than there are. */
export const toolTokens = ({ name, description, parameters }: Omit<Tool, "id" | "server">): number =>
  Math.ceil((name.length + description.length + (JSON.stringify(parameters) ?? "").length) / 4);
