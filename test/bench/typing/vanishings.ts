import type { Recording } from "./yardstick.ts";

/** A right text that left the screen though it was not typed out. */
export type Vanished = {
  readonly file: string;
  readonly atMs: number;
  readonly sinceKeyMs: number;
  /** The line with the cursor as `‸`. */
  readonly line: string;
  readonly before: string;
  readonly after: string;
  /** Undefined: it never came back. */
  readonly backAfterMs: number | undefined;
};

// What was replaced sooner, without a key between, was drawn in two steps.
const twoStepsMs = 50;
const redrawnMs = 60;

const bare = (text: string): string => text.replaceAll(/\s/g, "");

/** Each of what the yardstick counts as vanished, to look at. */
export const vanishings = ({ f, ev, cap, t00 }: Recording): readonly Vanished[] => {
  const isRight = (text: string, caret: number): boolean => {
    const line = bare(text.split("\n").find((one) => one.trim() !== "") ?? "");
    return line !== "" && bare(f.text.slice(caret, caret + 3 * text.length + 400)).startsWith(line);
  };
  const keys = ev.filter(({ t }) => t >= t00);
  const samples = cap.samples.filter(([atMs], index) => {
    const next = cap.samples[index + 1]?.[0];
    return next === undefined || next - atMs >= twoStepsMs || keys.some(({ t }) => t > atMs && t < next);
  });
  const timeline = [
    ...samples.map(([atMs, text]) => ({ atMs, text, caret: undefined })),
    ...keys.map(({ t, caret }) => ({ atMs: t, text: undefined, caret })),
  ].toSorted((a, b) => a.atMs - b.atMs);
  const found: Vanished[] = [];
  let text = "";
  let caret = keys[0]?.caret ?? f.start;
  let earlier = caret;
  let keyMs = 0;
  let isVisible = false;
  let end = -1;
  let hiddenMs: number | undefined;
  const place = (at: number) => bare(f.text.slice(0, at)).length;
  for (const event of timeline) {
    if (event.atMs < t00) {
      text = event.text ?? text;
      continue;
    }
    const before = text;
    if (event.text === undefined) {
      earlier = caret;
      caret = event.caret;
      keyMs = event.atMs;
    } else text = event.text;
    const isNow = text.trim() !== "" && isRight(text, caret);
    const isStill = isNow || (text.trim() !== "" && event.atMs - keyMs < redrawnMs && isRight(text, earlier));
    if (event.text !== undefined && isNow) {
      if (hiddenMs !== undefined) {
        found.push({ ...found.pop()!, backAfterMs: Math.round(event.atMs - hiddenMs) });
        hiddenMs = undefined;
      }
      end = place(caret) + bare(text).length;
    } else if (event.text !== undefined && isVisible && !isStill && end > place(caret)) {
      hiddenMs = event.atMs;
      const lineStart = f.text.lastIndexOf("\n", caret - 1) + 1;
      found.push({
        file: f.name,
        atMs: Math.round(event.atMs - t00),
        sinceKeyMs: Math.round(event.atMs - keyMs),
        line: `${f.text.slice(lineStart, caret)}‸${f.text.slice(caret, caret + 60)}`,
        before,
        after: text,
        backAfterMs: undefined,
      });
    }
    isVisible = isStill;
  }
  return found;
};
