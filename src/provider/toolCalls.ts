import { randomUUID } from "node:crypto";
import { asCount, asList, asObject, asText, parseJson } from "./json.ts";
import { ProviderError } from "./provider.ts";
import type { ToolCall } from "./provider.ts";

/** Puts the calls of one streamed answer together. */
export type ToolCallCollector = {
  /** Takes the `tool_calls` of one event, whole calls or pieces of them. @throws {ProviderError} when there is no end of them. */
  add(deltas: unknown): void;
  /**
   * The calls, in the model's order. `isCut`: the answer ended at its token limit, which explains a half call.
   * @throws {ProviderError} kind "truncated" or "bad-response" when one of them is no complete call: then none counts.
   */
  complete(isCut: boolean): readonly ToolCall[];
};

/** More calls than any model makes, and more text than one event may hold: a stream that never ends must not fill the memory. */
const callsMax = 1000;
const argumentsMaxChars = 2 * 1024 * 1024;

type Draft = { index: number | undefined; id: string; name: string; arguments: string };

/** As text, whether the server sends text or an object; nothing at all is a call without arguments. */
const textOf = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : asText(value);

const isJsonObject = (text: string): boolean => {
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value);
};

/**
 * Servers agree on little: pieces of parallel calls come mixed, with or without `index` and `id`, the name once or in
 * every piece. Two calls never become one, and one that is not complete is an error.
 */
export const createToolCallCollector = (): ToolCallCollector => {
  const drafts: Draft[] = [];
  let argumentsChars = 0;

  const findDraft = (index: number | undefined, id: string, name: string, piece: string): Draft => {
    const known = drafts.findLast((draft) =>
      index === undefined ? id === "" || draft.id === id : draft.index === index,
    );
    // A piece with a name may still begin another call, even under an index that was there before: by its id, by its
    // name, or because the call before it was complete.
    const isNext =
      known !== undefined &&
      name !== "" &&
      ((id !== "" && known.id !== "" && id !== known.id) ||
        (known.name !== "" && name !== known.name) ||
        (id === "" && piece.trim() !== "" && isJsonObject(known.arguments)));
    if (known && !isNext) return known;
    const draft: Draft = { index, id: "", name: "", arguments: "" };
    drafts.push(draft);
    return draft;
  };

  return {
    add(deltas) {
      for (const item of asList(deltas)) {
        const delta = asObject(item);
        const called = asObject(delta["function"]);
        const id = asText(delta["id"]);
        const name = asText(called["name"]);
        const piece = textOf(called["arguments"]);
        const draft = findDraft(asCount(delta["index"]) ?? asCount(called["index"]), id, name, piece);
        if (id !== "") draft.id = id;
        // Some send the name once, some with every piece, none in pieces.
        if (name !== "") draft.name = name;
        draft.arguments += piece;
        argumentsChars += piece.length;
        if (drafts.length > callsMax || argumentsChars > argumentsMaxChars) {
          throw new ProviderError("bad-response", "The answer has more tool calls than any model makes");
        }
      }
    },

    complete(isCut) {
      const ids = new Set<string>();
      // Sorting keeps the order of calls without an index.
      const ordered = drafts.toSorted((one, other) => (one.index ?? 0) - (other.index ?? 0));
      return ordered.map((draft) => {
        const argumentsJson = draft.arguments.trim() || "{}";
        if (draft.name === "" || !isJsonObject(argumentsJson)) {
          throw isCut
            ? new ProviderError("truncated", "The answer was cut inside of a tool call")
            : new ProviderError("bad-response", `The call of the tool "${draft.name.slice(0, 100)}" is not complete`);
        }
        const id = draft.id === "" || ids.has(draft.id) ? `call_${randomUUID()}` : draft.id;
        ids.add(id);
        return { id, name: draft.name, argumentsJson };
      });
    },
  };
};
