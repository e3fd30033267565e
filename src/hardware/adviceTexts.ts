import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import type { Advice } from "./advice.ts";
import type { Recommendation } from "./recommend.ts";

/** In powers of 1024, as memory is sold. */
export const gigabytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GB`;

/** Two figures: what is estimated is not known to more. */
export const rough = (value: number): string =>
  value < 9.95 ? String(Number(value.toFixed(1))) : formatCount(Number(value.toPrecision(2)));

const secondsText = (seconds: number, t: Translate): string =>
  seconds < 90 ? t("{0} s", formatCount(Math.max(1, seconds))) : t("{0} min", formatCount(seconds / 60));

/** Why a model does not fit, in one sentence. */
export const refusalSentence = (
  { because, needBytes, budgetBytes }: Advice & { readonly fits: false },
  t: Translate,
): string =>
  because === "weights"
    ? t(
        "Does not fit, because it needs {0} and models can have {1} here.",
        gigabytes(needBytes),
        gigabytes(budgetBytes),
      )
    : t(
        "Does not fit, because its weights leave no room for a useful context: it needs {0} and models can have {1} here.",
        gigabytes(needBytes),
        gigabytes(budgetBytes),
      );

/** Tokens a second as a range, or as it was measured; "" where nobody knows. */
export const speedText = ({ advice, isMeasured }: Recommendation, t: Translate): string => {
  if (!advice.fits || advice.speed.tokensPerSecond === 0) return "";
  const { tokensPerSecond, low, high } = advice.speed;
  return isMeasured
    ? t("{0} tokens/s, measured here", rough(tokensPerSecond))
    : t("{0}–{1} tokens/s", rough(low), rough(high));
};

/** What a model takes and gives on this machine, in one line: memory, speed, context, and how long a prompt takes. */
export const recommendationDetail = (recommendation: Recommendation, t: Translate): string => {
  const { advice } = recommendation;
  if (!advice.fits) return refusalSentence(advice, t);
  const { needBytes, budgetBytes, context, promptSeconds, tight } = advice;
  const tokens = formatCount(context.recommendedTokens);
  return [
    t("{0} of {1}", gigabytes(needBytes), gigabytes(budgetBytes)),
    speedText(recommendation, t) || t("speed not known"),
    promptSeconds > 0 ? t("context {0}, read in {1}", tokens, secondsText(promptSeconds, t)) : t("context {0}", tokens),
    ...(tight ? [t("nothing else may use the card")] : []),
  ].join(" · ");
};

/** What to set for a model that is loaded, in one line: for a tooltip beside its memory. */
export const batchTip = (advice: Advice, t: Translate): string => {
  if (!advice.fits) return refusalSentence(advice, t);
  const { batch, context } = advice;
  return batch.recommended === 1
    ? t("Best one request at a time, with a context of {0}.", formatCount(context.recommendedTokens))
    : t(
        "Up to {0} requests at a time with {1} tokens each, or one with a context of {2}.",
        batch.recommended,
        formatCount(batch.contextTokens),
        formatCount(context.recommendedTokens),
      );
};
