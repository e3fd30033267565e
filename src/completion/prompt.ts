import type { Clock } from "../base/clock.ts";
import type { Capabilities, CompletionContext, CompletionRequest } from "../provider/provider.ts";
import { makeAnchor, typedSince, type Anchor } from "./promptAnchor.ts";
import { promptBudget, promptWindow, relatedBudget } from "./promptWindow.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * - `anchored`: what is around the cursor is frozen while somebody types there, and what was typed since comes last, so
 *   that a server reads only what is new.
 * - `classic`: prefix, suffix and middle as they are at each key; all of the suffix is read again every time.
 */
export type PromptLayout = "anchored" | "classic";

/** What a request says about the document and others; the rest of the request is the caller's. */
export type PromptParts = Pick<CompletionRequest, "prefix" | "suffix" | "typed" | "context">;

/** What decides how much is sent. */
export type PromptLimits = Pick<Capabilities, "contextTokens" | "fillInMiddle" | "isMetered"> & {
  readonly maxTokens: number;
};

/**
 * What a model is told of a document's name and of other files. `windowText` is what it gets to read of the document.
 * `isFresh`: nothing of an earlier context is in the server's cache any more; else the new one should begin as the last.
 */
export type ContextSource = {
  /** Whether it may be asked now; when that changes, nothing told before is told again. */
  isOn(): boolean;
  read(
    snapshot: Snapshot,
    options: { readonly windowText: string; readonly maxUnits: number; readonly isFresh: boolean },
  ): CompletionContext;
};

export type PromptBuilderOptions = {
  readonly clock: Clock;
  /** Read for each prompt. Default: `anchored`. */
  readonly layout?: () => PromptLayout;
  readonly related?: ContextSource;
};

/** Makes prompts out of successive snapshots of documents. */
export type PromptBuilder = {
  /** The prompt for `snapshot`. It counts as sent: the next one is made to continue it. */
  build(snapshot: Snapshot, limits: PromptLimits): PromptParts;
  /**
   * For a pause in typing: sets the anchor anew at the cursor, with what is known of other files by now, and gives the
   * prompt to be sent with the shortest answer there is, so that it is read before it is needed. Undefined when there is
   * too little to read for that, or the server charges. It counts as sent.
   */
  warm(snapshot: Snapshot, limits: PromptLimits): PromptParts | undefined;
};

// After this long others may have used the server, and other files matter. Not sooner: without a warm-up in between, the
// next key would wait for all of it to be read.
const idleMs = 300_000;
const documentsMax = 8;
// About 200 tokens, an eighth of a second on a laptop: less than that is read while the connection is being used.
const warmUnits = 720;

/** Units of the prompt `next` that a server has to read when it has read `last`. */
export const unitsToRead = (last: PromptParts | undefined, next: PromptParts): number => {
  const sections = (parts: PromptParts): readonly string[] => [
    ...(parts.context?.files ?? []).map(({ path, text }) => `${path}\n${text}`),
    parts.context?.path ?? "",
    parts.prefix,
    parts.suffix,
    parts.typed ?? "",
  ];
  const mine = sections(next);
  const before = last ? sections(last) : [];
  const totalUnits = mine.reduce((sum, { length }) => sum + length, 0);
  let same = 0;
  for (const [index, section] of mine.entries()) {
    same += commonLength(section, before[index] ?? "");
    if (section !== before[index]) break;
  }
  return totalUnits - same;
};

const commonLength = (a: string, b: string): number => {
  const max = Math.min(a.length, b.length);
  let length = 0;
  while (length < max && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
};

/** False: the server (or a chat) puts the suffix where it wants and reads it anew each time, so it may as well be true. */
const hasOrder = ({ fillInMiddle }: PromptLimits): boolean =>
  fillInMiddle === "raw-template" || fillInMiddle === "infill";

/** How much of other files may be told: a server that charges would charge for them at every request. */
const relatedUnits = (limits: PromptLimits): number =>
  limits.isMetered === true || !hasOrder(limits) ? 0 : relatedBudget(limits.contextTokens, limits.maxTokens);

const classicParts = (
  snapshot: Snapshot,
  limits: PromptLimits,
  context: CompletionContext | undefined,
): PromptParts => ({
  ...promptWindow(snapshot.prefix, snapshot.suffix, promptBudget(limits.contextTokens, limits.maxTokens)),
  ...(context === undefined ? {} : { context }),
});

/** Knows no document yet. */
export const createPromptBuilder = ({ clock, layout, related }: PromptBuilderOptions): PromptBuilder => {
  /** The newest last. */
  const anchors = new Map<string, Anchor>();
  let lastSent: PromptParts | undefined;
  let lastDocument: string | undefined;

  const remember = (documentId: string, anchor: Anchor) => {
    anchors.delete(documentId);
    anchors.set(documentId, anchor);
    const oldest = anchors.keys().next();
    if (anchors.size > documentsMax && !oldest.done) anchors.delete(oldest.value);
  };

  const anchorFor = (snapshot: Snapshot, limits: PromptLimits, isPause: boolean): { anchor: Anchor; typed: string } => {
    const { documentId } = snapshot;
    const nowMs = clock.nowMs();
    const budget = promptBudget(limits.contextTokens, limits.maxTokens);
    const told = related?.isOn() === true ? related : undefined;
    const terms = JSON.stringify([told !== undefined, limits.contextTokens, limits.fillInMiddle, limits.isMetered]);
    const known = anchors.get(documentId);
    const old = known?.terms === terms ? known : undefined;
    const isIdle = isPause || (old !== undefined && nowMs - old.usedAtMs >= idleMs);
    const typed = old && !isIdle ? typedSince(old, snapshot, budget) : undefined;
    if (old && typed !== undefined) return { anchor: { ...old, usedAtMs: nowMs }, typed };
    const { anchor: made, typed: behind } = makeAnchor(snapshot, budget, nowMs);
    // Most of the window is in the server's cache, which another context in front of it would make worthless.
    const isContinued =
      lastDocument === documentId &&
      old !== undefined &&
      !isIdle &&
      commonLength(old.prefix, made.prefix) * 2 > made.prefix.length;
    const context =
      isContinued || !told
        ? old?.context
        : told.read(snapshot, {
            windowText: `${made.prefix}${behind}${made.suffix}`,
            maxUnits: relatedUnits(limits),
            isFresh: lastSent === undefined || isIdle,
          });
    return { anchor: { ...made, context, terms }, typed: behind };
  };

  const build = (snapshot: Snapshot, limits: PromptLimits, isPause = false): PromptParts => {
    const { anchor, typed } = anchorFor(snapshot, limits, isPause);
    remember(snapshot.documentId, anchor);
    const { prefix, suffix, context } = anchor;
    const parts =
      layout?.() === "classic" || !hasOrder(limits)
        ? classicParts(snapshot, limits, context)
        : { prefix, typed, suffix, ...(context === undefined ? {} : { context }) };
    lastSent = parts;
    lastDocument = snapshot.documentId;
    return parts;
  };

  return {
    build: (snapshot, limits) => build(snapshot, limits),
    warm(snapshot, limits) {
      if (limits.isMetered === true) return undefined;
      const before = lastSent;
      const parts = build(snapshot, limits, true);
      return unitsToRead(before, parts) >= warmUnits ? parts : undefined;
    },
  };
};
