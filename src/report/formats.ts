/** The model as people read it: llama.cpp names it by its file, and neither folders nor ending say anything. */
export const modelLabel = (model: string): string =>
  model.endsWith(".gguf") ? (model.split(/[\\/]/).at(-1) ?? model).replace(/\.gguf$/, "") : model;

/** US dollars as people read them, tiny ones included: "$0.00002", "$1.25". */
export const formatUsd = (usd: number): string => {
  if (usd >= 0.01 || usd <= 0) return `$${usd.toFixed(2)}`;
  const digits = Math.min(10, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits).replace(/0+$/, "")}`;
};

/** Milliseconds as people read them: "0.4 ms", "85 ms", "2.3 s". */
export const formatDuration = (durationMs: number | undefined): string => {
  if (durationMs === undefined) return "–";
  if (durationMs < 10) return `${durationMs.toFixed(durationMs < 1 ? 2 : 1)} ms`;
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  return `${(durationMs / 1000).toFixed(1)} s`;
};
