import * as vscode from "vscode";
import { mendConversation } from "../provider/mendConversation.ts";
import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from "../provider/provider.ts";

type ImagePart = Extract<ContentPart, { type: "image" }>;

/** What the models that see are trained on, and what servers can decode. */
const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const imageMaxBytes = 10 * 1024 * 1024;
/** Images travel as text, a third longer: OpenRouter and most others take no more than some 30 MB. */
const imagesMaxBytes = 20 * 1024 * 1024;
const mebibyte = 1024 * 1024;
/** Deeper than any rendered prompt; what is deeper was made to exhaust the stack. */
const treeMaxDepth = 200;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The text in what `@vscode/prompt-tsx` rendered: a tree whose leaves are pieces of text. */
const textOfTree = (node: unknown, depth = 0): string => {
  if (!isObject(node) || depth > treeMaxDepth) return "";
  const own = typeof node["text"] === "string" ? node["text"] : "";
  const children = Array.isArray(node["children"]) ? node["children"] : [];
  const inner = children.map((child) => textOfTree(child, depth + 1)).join("");
  return `${node["lineBreakBefore"] === true ? "\n" : ""}${own}${inner}${textOfTree(node["node"], depth + 1)}`;
};

const isText = (mimeType: string): boolean => /^text\/|^application\/(?:.*\+)?json\b/.test(mimeType);

/** Undefined: no image. */
const imageOf = (part: unknown): ImagePart | undefined => {
  if (!(part instanceof vscode.LanguageModelDataPart) || !part.mimeType.startsWith("image/")) return undefined;
  const mediaType = part.mimeType.toLowerCase() === "image/jpg" ? "image/jpeg" : part.mimeType.toLowerCase();
  if (!imageTypes.has(mediaType)) {
    throw new Error(vscode.l10n.t("Images must be PNG, JPEG, GIF or WebP. Convert the image, or remove it."));
  }
  if (part.data.byteLength > imageMaxBytes) throw tooLarge(imageMaxBytes);
  return { type: "image", mediaType, base64: Buffer.from(part.data).toString("base64") };
};

const tooLarge = (maxBytes: number): Error =>
  new Error(
    maxBytes === imageMaxBytes
      ? vscode.l10n.t("An image may have {0} MB at most. Make it smaller, or remove it.", maxBytes / mebibyte)
      : vscode.l10n.t("All images together may have {0} MB at most. Remove some of them.", maxBytes / mebibyte),
  );

/** The text of a part; "" for what is none, which are mostly marks that VS Code's chat keeps for itself. */
const textOf = (part: unknown): string => {
  if (typeof part === "string") return part;
  if (part instanceof vscode.LanguageModelTextPart) return part.value;
  if (part instanceof vscode.LanguageModelPromptTsxPart) return textOfTree(part.value);
  if (part instanceof vscode.LanguageModelDataPart && isText(part.mimeType)) return Buffer.from(part.data).toString();
  return "";
};

const joined = (parts: readonly unknown[]): string => parts.map(textOf).join("");

/** Text and images in their order, as plain text where there is no image. */
const contentOf = (parts: readonly unknown[]): string | readonly ContentPart[] => {
  const content: ContentPart[] = [];
  for (const part of parts) {
    const piece = imageOf(part) ?? { type: "text" as const, text: textOf(part) };
    const last = content.at(-1);
    if (piece.type === "text" && last?.type === "text") {
      content[content.length - 1] = { type: "text", text: last.text + piece.text };
    } else if (piece.type === "image" || piece.text !== "") content.push(piece);
  }
  return content.some(({ type }) => type === "image") ? content : joined(parts);
};

/** VS Code's own agent sends its instructions in a role, 3, that the stable API has no name for. */
const isSystem = (role: number): boolean => role === 3;

/** A call's input as a JSON object; what cannot be written as JSON counts as none. */
const inputOf = (input: unknown): string => {
  try {
    return isObject(input) ? JSON.stringify(input) : "{}";
  } catch {
    return "{}";
  }
};

const readAssistant = (parts: readonly unknown[], toolNames: Map<string, string>): readonly ChatMessage[] => {
  const toolCalls = parts
    .filter((part) => part instanceof vscode.LanguageModelToolCallPart)
    .map(({ callId, name, input }): ToolCall => ({ id: callId, name, argumentsJson: inputOf(input) }));
  for (const { id, name } of toolCalls) toolNames.set(id, name);
  return [{ role: "assistant", content: joined(parts), ...(toolCalls.length === 0 ? {} : { toolCalls }) }];
};

/** Chat formats have no place for images in a tool's result: they follow it as if the user had sent them. */
const readResult = (
  { callId, content }: vscode.LanguageModelToolResultPart,
  toolNames: ReadonlyMap<string, string>,
): { readonly result: ChatMessage; readonly images: readonly ContentPart[] } => {
  const toolName = toolNames.get(callId) ?? "";
  const images = content.flatMap((part) => imageOf(part) ?? []);
  const told = images.length === 0 ? joined(content) : `${joined(content)}\n(Its images follow.)`.trimStart();
  return {
    result: { role: "tool", toolCallId: callId, toolName, content: told },
    images: images.length === 0 ? [] : [{ type: "text", text: `Images that ${toolName} returned:` }, ...images],
  };
};

const readMessage = (
  { role, content }: vscode.LanguageModelChatRequestMessage,
  toolNames: Map<string, string>,
): readonly ChatMessage[] => {
  if (isSystem(role)) return [{ role: "system", content: joined(content) }];
  if (role === vscode.LanguageModelChatMessageRole.Assistant) return readAssistant(content, toolNames);
  const results = content
    .filter((part) => part instanceof vscode.LanguageModelToolResultPart)
    .map((part) => readResult(part, toolNames));
  const images = results.flatMap((result) => result.images);
  return [
    ...results.map(({ result }) => result),
    ...(images.length === 0 ? [] : [{ role: "user" as const, content: images }]),
    { role: "user", content: contentOf(content) },
  ];
};

const imageUnits = (messages: readonly ChatMessage[]): number =>
  messages
    .flatMap(({ content }) => (typeof content === "string" ? [] : content))
    .reduce((sum, part) => sum + (part.type === "image" ? part.base64.length : 0), 0);

/** One message as the wire formats know it, for counting. @throws {Error} as {@link readRequest} does. */
export const readOneMessage = (message: vscode.LanguageModelChatRequestMessage): readonly ChatMessage[] =>
  readMessage(message, new Map());

/**
 * VS Code's messages and tools as a request, in the shape that every chat template takes. Parts of kinds that are not
 * known are left out. Nothing of `modelOptions` is passed on: VS Code puts its own marks there.
 * @throws {Error} With one sentence for the person: an image of a kind or size that is not sent, or nothing to send.
 */
export const readRequest = (
  messages: readonly vscode.LanguageModelChatRequestMessage[],
  { tools = [], toolMode }: vscode.ProvideLanguageModelChatResponseOptions,
): ChatRequest => {
  const toolNames = new Map<string, string>();
  const mended = mendConversation(messages.flatMap((message) => readMessage(message, toolNames)));
  if (mended.length === 0) throw new Error(vscode.l10n.t("There is nothing to send: the message is empty."));
  // Base64 makes four characters of three bytes.
  if ((imageUnits(mended) / 4) * 3 > imagesMaxBytes) throw tooLarge(imagesMaxBytes);
  return {
    messages: mended,
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            name,
            description,
            parameters: inputSchema ?? { type: "object", properties: {} },
          })),
          toolChoice: toolMode === vscode.LanguageModelChatToolMode.Required ? "required" : "auto",
        }),
  };
};
