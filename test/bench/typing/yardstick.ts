import path from "node:path";
import { pathToFileURL } from "node:url";

/** A request as the yardstick's model server logs it. */
export type ServedRequest = {
  readonly prompt: number;
  readonly cached: number;
  readonly generated: number;
  readonly finish?: string;
  readonly text?: string;
  readonly pos?: number;
};

type Task = {
  readonly ep: string;
  readonly prompt: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly nPredict: number;
  readonly stop: readonly string[];
};

/** The yardstick's model server, without its sockets. */
export type Oracle = {
  readonly requests: readonly ServedRequest[];
  setFiles(
    files: readonly {
      readonly path: string;
      readonly text: string;
      readonly holeStart: number;
      readonly holeEnd: number;
    }[],
  ): void;
  reset(): void;
  submit(
    request: undefined,
    response: { on(event: "close", callback: () => void): void; readonly writableFinished: boolean },
    task: Task,
    onToken: (text: string) => void,
  ): Promise<{ readonly rec: ServedRequest; readonly status: string }>;
};

/** What one file brought, for `one` to count. */
export type Recording = {
  /** Undefined: nobody asked a model, and nothing is counted of what it knows. */
  readonly profile: string | undefined;
  readonly f: { readonly name: string; readonly text: string; readonly start: number; readonly end: number };
  readonly ev: readonly {
    readonly t: number;
    readonly caret: number;
    readonly kind: "start" | "key";
    readonly i?: number;
    readonly gap?: number;
  }[];
  readonly cap: { readonly end: number; readonly samples: readonly (readonly [number, string])[] };
  readonly t00: number;
  readonly reqs: readonly ServedRequest[];
  readonly counts: Readonly<Record<string, number>>;
};

/** Sums that only the yardstick looks into. */
export type Counts = Record<string, number | number[]>;

export type Metrics = Readonly<Record<string, number>> & {
  readonly knowable: Readonly<Record<string, number>>;
};

/** The typing yardstick's own parts. */
export type Yardstick = {
  readonly Oracle: new (profile: unknown) => Oracle;
  profileOf(text: string): unknown;
  splitFim(prompt: string): { readonly prefix: string; readonly suffix: string };
  one(file: Recording["f"], recording: Recording): Counts;
  add(all: Counts, one: Counts): Counts;
  zero(): Counts;
  metrics(all: Counts): Metrics;
};

/** Loads them from the folder that HOTPATH_SHARED names. */
export const loadYardstick = async (sharedFolder: string): Promise<Yardstick> => {
  const load = (name: string): Promise<object> =>
    import(pathToFileURL(path.join(sharedFolder, "bench/typing", name)).href) as Promise<object>;
  return { ...(await load("oracle-server.mjs")), ...(await load("analyse.mjs")) } as Yardstick;
};
