import type { ChatMessage, ToolDefinition } from "./provider.ts";

/** About what an image takes, in tokens: https://platform.openai.com/docs/guides/images-vision, 512 px tiles. */
export const imageTokens = 800;

/** How much text a message holds, in UTF-16 units, with the calls that it makes. An image counts as `unitsPerImage`. */
export const messageUnits = (message: ChatMessage, unitsPerImage: number): number => {
  const { content } = message;
  if (typeof content !== "string") {
    return content.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : unitsPerImage), 0);
  }
  const calls = message.role === "assistant" ? (message.toolCalls ?? []) : [];
  return calls.reduce((sum, { name, argumentsJson }) => sum + name.length + argumentsJson.length, content.length);
};

/** How much text descriptions of tools are, in UTF-16 units. */
export const toolUnits = (tools: readonly ToolDefinition[] = []): number =>
  tools.length === 0 ? 0 : JSON.stringify(tools).length;
