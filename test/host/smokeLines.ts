/** A place in the sample workspace and the beginning of a line that is typed below it. */
export interface SmokeLine {
  /** Relative to the sample workspace. */
  file: string;
  /** The new line goes below this one; counted from 1. */
  afterLine: number;
  /** Typed key by key, without indentation. It must stand in no file of the sample. */
  text: string;
}

/** What a smoke run types; its seed picks one. */
export const smokeLines: readonly SmokeLine[] = [
  { file: "src/customers.ts", afterLine: 37, text: "const oldest = customers.list().sort" },
  { file: "scripts/report.py", afterLine: 32, text: "def count_cancelled(orders: list[dict])" },
  { file: "src/orders.ts", afterLine: 37, text: "const dearest = orders.list().sort" },
  { file: "scripts/report.py", afterLine: 16, text: "def read_products(path: Path)" },
  { file: "src/invoices.ts", afterLine: 33, text: "const latest = invoices.list().sort" },
  { file: "scripts/report.py", afterLine: 32, text: "def count_shipped(orders: list[dict])" },
];

/** The line of a seed; every whole number is one, and neighbours differ. */
export function lineOfSeed(seed: number, lines: readonly SmokeLine[] = smokeLines): SmokeLine {
  const index = ((seed % lines.length) + lines.length) % lines.length;
  const line = lines[index];
  if (!line) throw new RangeError(`No line for seed ${seed}`);
  return line;
}
