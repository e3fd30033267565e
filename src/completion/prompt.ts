import type { Clock } from "../base/clock.ts";
import type { BudgetedCache } from "../cache/cacheBudget.ts";
import type { Capabilities, CompletionContext, CompletionRequest } from "../provider/provider.ts";
import { makeAnchor, typedSince, type Anchor } from "./promptAnchor.ts";
import { promptBudget, promptWindow, relatedBudget, type PromptBudget } from "./promptWindow.ts";
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
  /** Whether servers on the public internet are told, too; when that changes, nothing told before is told again. */
  mayLeave?(): boolean;
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
  /** The prompts' frozen parts, for the budget of all caches; a document that is dropped is read anew by the server. */
  readonly cache: BudgetedCache;
};

// After this long others may have used the server, and other files matter. Not sooner: the next key waits for all of it
// to be read.
const idleMs = 300_000;
const documentsMax = 8;
const anchorOverheadBytes = 200;

/** What other files say is counted where it is gathered. */
const bytesOf = ({ prefix, suffix }: Anchor): number => 2 * (prefix.length + suffix.length) + anchorOverheadBytes;

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

// Where all of it is read again for every request, a shorter one answers a tenth of a second sooner on a laptop.
const rereadSuffixUnits = 750;

const classicBudget = (limits: PromptLimits): PromptBudget => {
  const budget = promptBudget(limits.contextTokens, limits.maxTokens);
  return hasOrder(limits) ? budget : { ...budget, suffixUnits: Math.min(budget.suffixUnits, rereadSuffixUnits) };
};

const classicParts = (
  snapshot: Snapshot,
  limits: PromptLimits,
  context: CompletionContext | undefined,
): PromptParts => ({
  ...promptWindow(snapshot.prefix, snapshot.suffix, classicBudget(limits)),
  ...(context === undefined ? {} : { context }),
});

/** Knows no document yet. */
export const createPromptBuilder = ({ clock, layout, related }: PromptBuilderOptions): PromptBuilder => {
  /** The newest last. */
  const anchors = new Map<string, Anchor>();
  let lastDocument: string | undefined;

  const remember = (documentId: string, anchor: Anchor) => {
    anchors.delete(documentId);
    anchors.set(documentId, anchor);
    const oldest = anchors.keys().next();
    if (anchors.size > documentsMax && !oldest.done) anchors.delete(oldest.value);
  };

  const anchorFor = (snapshot: Snapshot, limits: PromptLimits): { anchor: Anchor; typed: string } => {
    const { documentId } = snapshot;
    const nowMs = clock.nowMs();
    const budget = promptBudget(limits.contextTokens, limits.maxTokens);
    const told = related?.isOn() === true ? related : undefined;
    const mayLeave = told?.mayLeave?.() === true;
    const terms = JSON.stringify([
      told !== undefined,
      mayLeave,
      limits.contextTokens,
      limits.fillInMiddle,
      limits.isMetered,
    ]);
    const known = anchors.get(documentId);
    const old = known?.terms === terms ? known : undefined;
    const isIdle = old !== undefined && nowMs - old.usedAtMs >= idleMs;
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
        : {
            ...told.read(snapshot, {
              windowText: `${made.prefix}${behind}${made.suffix}`,
              maxUnits: relatedUnits(limits),
              isFresh: lastDocument === undefined || isIdle,
            }),
            ...(mayLeave ? { mayLeave } : {}),
          };
    return { anchor: { ...made, context, terms }, typed: behind };
  };

  const build = (snapshot: Snapshot, limits: PromptLimits): PromptParts => {
    const { anchor, typed } = anchorFor(snapshot, limits);
    remember(snapshot.documentId, anchor);
    const { prefix, suffix, context } = anchor;
    lastDocument = snapshot.documentId;
    return layout?.() === "classic" || !hasOrder(limits)
      ? classicParts(snapshot, limits, context)
      : { prefix, typed, suffix, ...(context === undefined ? {} : { context }) };
  };

  const sizeBytes = () => [...anchors.values()].reduce((sum, anchor) => sum + bytesOf(anchor), 0);

  return {
    build,
    cache: {
      name: "prompts",
      sizeBytes,
      lastUsedMs: () => Math.max(-Infinity, ...[...anchors.values()].map(({ usedAtMs }) => usedAtMs)),
      shrink(toBytes) {
        for (const documentId of anchors.keys()) {
          if (sizeBytes() <= toBytes) return;
          anchors.delete(documentId);
        }
      },
    },
  };
};
