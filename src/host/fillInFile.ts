import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { removeAbandonedDrafts } from "../predictor/indexFile.ts";
import { fillInForms, type FillInFacts, type FillInForm, type FillInMemory } from "../provider/fillInFacts.ts";

const fileName = "fill-in.json";
/** With another version the file is left alone: a newer release of Hotpath may run in another window. */
const fileVersion = 1;
/** More servers and models than anybody uses; those found last are kept. */
const entriesMax = 200;
/** Ids are paths with some servers. */
const nameUnitsMax = 500;
/** Larger than {@link entriesMax} entries get: what is larger was not written here. */
const fileMaxBytes = 512 * 1024;
/** Servers that tell no version are updated, too, and may have learned what they refused. */
const ageMaxMs = 14 * 24 * 3_600_000;

type Entry = { readonly origin: string; readonly model: string; readonly atMs: number; readonly facts?: FillInFacts };

/** The memory, and a way to wait until the disk holds it. */
export type FillInFile = FillInMemory & { settled(): Promise<void> };

export type FillInFileOptions = {
  /** Made when something is to be kept. */
  readonly folder: string;
  readonly clock: Pick<Clock, "dateMs">;
  readonly log: Log;
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

const isForm = (value: unknown): value is FillInForm => fillInForms.some((form) => form === value);

const isName = (value: unknown): value is string => typeof value === "string" && value.length <= nameUnitsMax;

const readCount = (value: unknown, most: number): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;

const readFacts = (value: unknown): FillInFacts | undefined => {
  const { refused, works, stopsMax, slots, version } = asRecord(value);
  if (!Array.isArray(refused)) return undefined;
  const stops = readCount(stopsMax, 100);
  const places = readCount(slots, 10_000);
  return {
    refused: refused.filter(isForm),
    ...(isForm(works) ? { works } : {}),
    ...(stops === undefined ? {} : { stopsMax: stops }),
    ...(places === undefined ? {} : { slots: places }),
    ...(isName(version) ? { version } : {}),
  };
};

/** One entry of the file, or undefined for what cannot be one. */
const readEntry = (value: unknown, nowMs: number): Entry | undefined => {
  const { origin, model, atMs, facts: written } = asRecord(value);
  const facts = readFacts(written);
  if (!facts || !isName(origin) || !isName(model) || typeof atMs !== "number") return undefined;
  // A clock that was wrong when this was written must not make it last for ever.
  return atMs > nowMs || nowMs - atMs > ageMaxMs ? undefined : { origin, model, atMs, facts };
};

const keyOf = (origin: string, model: string): string => JSON.stringify([origin, model]);

/** What stands in the file; undefined: it is of another version. A damaged one counts as empty. */
const readEntries = async (file: string, nowMs: number): Promise<readonly Entry[] | undefined> => {
  try {
    const handle = await open(file, "r");
    try {
      if ((await handle.stat()).size > fileMaxBytes) return [];
      const { version, entries } = asRecord(JSON.parse(await handle.readFile("utf8")));
      if (typeof version === "number" && version !== fileVersion) return undefined;
      if (!Array.isArray(entries)) return [];
      return entries.map((entry) => readEntry(entry, nowMs)).filter((entry) => entry !== undefined);
    } finally {
      await handle.close();
    }
  } catch {
    return [];
  }
};

/**
 * Keeps what trying has shown of servers and models in one small file. It is read at the first question and merged with
 * what other windows have written meanwhile before it is replaced, as a whole. What cannot be read is found anew, what
 * cannot be written holds until the window closes.
 */
export const createFillInFile = ({ folder, clock, log }: FillInFileOptions): FillInFile => {
  const file = path.join(folder, fileName);
  const known = new Map<string, Entry>();
  /** Found or forgotten in this window, and not on the disk yet. */
  let unsaved = new Map<string, Entry>();
  let loading: Promise<void> | undefined;
  let writing: Promise<void> | undefined;

  const load = async (): Promise<void> => {
    for (const entry of (await readEntries(file, clock.dateMs())) ?? []) {
      const key = keyOf(entry.origin, entry.model);
      if (!known.has(key)) known.set(key, entry);
    }
    await removeAbandonedDrafts(file, clock.dateMs());
  };

  const write = async (): Promise<void> => {
    const mine = unsaved;
    unsaved = new Map();
    const written = await readEntries(file, clock.dateMs());
    if (!written) return;
    const merged = new Map(written.map((entry) => [keyOf(entry.origin, entry.model), entry]));
    for (const [key, entry] of mine) merged.set(key, entry);
    const entries = [...merged.values()]
      .filter(({ facts }) => facts !== undefined)
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, entriesMax);
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(temporary, JSON.stringify({ version: fileVersion, entries }), { mode: 0o600 });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  };

  /** One write at a time; what comes meanwhile goes with the next. */
  const save = async (): Promise<void> => {
    try {
      while (unsaved.size > 0) await write();
    } catch (error) {
      log.warn(`What servers can do could not be kept: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      writing = undefined;
    }
  };

  return {
    async recall(origin, model) {
      await (loading ??= load());
      return known.get(keyOf(origin, model))?.facts;
    },
    remember(origin, model, facts) {
      if (!isName(origin) || !isName(model)) return;
      const entry: Entry = { origin, model, atMs: clock.dateMs(), ...(facts ? { facts } : {}) };
      known.set(keyOf(origin, model), entry);
      unsaved.set(keyOf(origin, model), entry);
      writing ??= save();
    },
    settled: async () => writing,
  };
};
