import type { Clock } from "../base/clock.ts";
import type { Translate } from "../base/translate.ts";
import type { Levels } from "./monitor.ts";
import type { MemorySample } from "./sample.ts";

/** What the setting says. */
export type LowMemoryMode = "automatic" | "on" | "off";

/** Why Hotpath takes less memory now: the person wishes it, the machine has little, or it is used up. */
export type LowMemoryReason = "wished" | "small" | "pressure";

/** Decides whether Hotpath gets along with less memory. */
export type LowMemory = {
  /** To be asked by whoever follows the answer, each time that it does. Undefined: it takes what it is allowed to. */
  reason(): LowMemoryReason | undefined;
  /** To be told of every sample and what it means. */
  take(sample: Pick<MemorySample, "machineTotalBytes">, levels: Levels): void;
};

/** A machine with less or as much has little: the editor, a browser and a small model fill it. */
export const smallMachineBytes = 8 * 2 ** 30;
/** A compiler's peak is no reason to forget what was learned. */
const pressureAfterMs = 20_000;
/** Once it was short, memory is likely to be short again. */
const pressureKeptMs = 10 * 60_000;

/** What all caches of the extension host may take together. */
const budgetBytes = { normal: 16 * 2 ** 20, low: 4 * 2 ** 20, pressed: 2 ** 20 } as const;

/** The caches' budget at these levels. At the critical level of the extension host nothing is kept. */
export const cacheBudgetBytes = ({ machine, host }: Levels, isLow: boolean): number => {
  if (host === "critical") return 0;
  if (machine !== "normal" || host !== "normal") return budgetBytes.pressed;
  return isLow ? budgetBytes.low : budgetBytes.normal;
};

/**
 * Starts with what the setting says alone. `take` calls `onChange` when the answer is not what {@link LowMemory.reason} said
 * last. Pressure counts after 20 s, at once where the extension host is in danger, and until it has been over for ten
 * minutes.
 */
export const createLowMemory = ({
  clock,
  mode,
  onChange,
}: {
  readonly clock: Pick<Clock, "nowMs">;
  readonly mode: () => LowMemoryMode;
  readonly onChange: () => void;
}): LowMemory => {
  let isSmall = false;
  let pressedSinceMs: number | undefined;
  let pressedUntilMs = -Infinity;

  let told: LowMemoryReason | undefined;

  const judge = (): LowMemoryReason | undefined => {
    const now = mode();
    if (now === "on") return "wished";
    if (now === "off") return undefined;
    if (isSmall) return "small";
    return clock.nowMs() < pressedUntilMs ? "pressure" : undefined;
  };

  return {
    reason: () => (told = judge()),
    take({ machineTotalBytes }, { machine, host }) {
      const nowMs = clock.nowMs();
      isSmall = machineTotalBytes > 0 && machineTotalBytes <= smallMachineBytes;
      const isPressed = machine !== "normal" || host !== "normal";
      pressedSinceMs = isPressed ? (pressedSinceMs ?? nowMs) : undefined;
      const isLasting = pressedSinceMs !== undefined && nowMs - pressedSinceMs >= pressureAfterMs;
      // Where it lasts already, every further sample counts.
      const isKnown = isPressed && nowMs < pressedUntilMs;
      if (isLasting || isKnown || host === "critical") pressedUntilMs = nowMs + pressureKeptMs;
      if (judge() !== told) onChange();
    },
  };
};

/** One sentence for the tooltip. */
export const lowMemorySentence = (reason: LowMemoryReason, t: Translate): string => {
  switch (reason) {
    case "wished":
      return t("Low-memory mode is on: Hotpath learns less text and asks nothing ahead.");
    case "small":
      return t("This machine has little memory: Hotpath learns less text and asks nothing ahead.");
    case "pressure":
      return t("Memory is short: Hotpath learns less text and asks nothing ahead until there is enough again.");
  }
};
