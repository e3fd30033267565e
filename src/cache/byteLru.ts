import { LRUCache } from "lru-cache";

/** A least-recently-used cache whose limit is memory, not a number of entries. */
export type ByteLru<V> = {
  get(key: string): V | undefined;
  /** Stores a value, dropping the least recently used ones until it fits; one larger than the limit is not kept. */
  set(key: string, value: V): void;
  delete(key: string): void;
  clear(): void;
  /** Drops the least recently used values until at most `toBytes` are left. */
  shrink(toBytes: number): void;
  readonly sizeBytes: number;
  readonly count: number;
};

// What an entry costs beyond its own value: map slot, list links and the key's header.
const entryOverheadBytes = 120;

/**
 * Makes a cache of at most `maxBytes`; `sizeOf` tells a value's bytes, its key (2 bytes a character) comes on top.
 * `onDrop` is told of every value that goes, but not of one that another takes the place of.
 */
export const createByteLru = <V extends object>({
  maxBytes,
  sizeOf,
  onDrop,
}: {
  maxBytes: number;
  sizeOf: (value: V) => number;
  onDrop?: (value: V) => void;
}): ByteLru<V> => {
  const entries = new LRUCache<string, V>({
    maxSize: maxBytes,
    sizeCalculation: (value, key) => Math.ceil(sizeOf(value)) + key.length * 2 + entryOverheadBytes,
    ...(onDrop && {
      dispose(value, _key, reason) {
        if (reason !== "set") onDrop(value);
      },
    }),
  });
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.set(key, value);
    },
    delete(key) {
      entries.delete(key);
    },
    clear: () => entries.clear(),
    shrink(toBytes) {
      while (entries.size > 0 && entries.calculatedSize > toBytes) entries.pop();
    },
    get sizeBytes() {
      return entries.calculatedSize;
    },
    get count() {
      return entries.size;
    },
  };
};
