import type { StreamPart } from "./provider.ts";

const opening = /^\s*<(think|thinking|thought|reasoning)>/;
/** What may still become one of the tags, with the line breaks before it. */
const mayOpen = /^\s{0,32}(?:<[a-z]{0,9})?$/;

/**
 * The same answer without the thinking that it begins with. Most servers put that into fields of its own; those that do
 * not leave it in the text, between tags. Tags further on are the answer's own business.
 */
export async function* withoutThoughts(parts: AsyncIterable<StreamPart>): AsyncGenerator<StreamPart> {
  let stage: "head" | "thought" | "gap" | "body" = "head";
  let waiting = "";
  let closing = "";

  /** Takes the next piece; gives what is part of the answer. */
  const push = (text: string): string => {
    if (stage === "body") return text;
    waiting += text;
    if (stage === "head") {
      const tag = opening.exec(waiting);
      if (!tag && mayOpen.test(waiting)) return "";
      stage = tag ? "thought" : "body";
      closing = `</${tag?.[1] ?? ""}>`;
    }
    if (stage === "thought") {
      const end = waiting.indexOf(closing);
      // The tag may come in pieces.
      waiting = end < 0 ? waiting.slice(-closing.length) : waiting.slice(end + closing.length);
      if (end < 0) return "";
      stage = "gap";
    }
    if (stage === "gap") {
      waiting = waiting.trimStart();
      if (waiting === "") return "";
      stage = "body";
    }
    const ready = waiting;
    waiting = "";
    return ready;
  };

  for await (const part of parts) {
    if (part.type !== "text") {
      // What never became a tag is the answer.
      if (stage === "head" && waiting !== "") yield { type: "text", text: waiting };
      stage = "body";
      waiting = "";
      yield part;
      continue;
    }
    const text = push(part.text);
    if (text !== "") yield { type: "text", text };
  }
}
