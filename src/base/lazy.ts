/**
 * Wraps a loader so that it runs on the first call and its result is kept. A failed load is forgotten, so the next
 * call tries again. Always pass a literal `import()`: the bundler then names the chunk after the file.
 */
export const lazy = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let loaded: Promise<T> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
};
