/** A stand-in for VS Code's `Memento`, empty, as `never` so that it goes where one is wanted. */
export const createMemento = (): never => {
  const kept = new Map<string, unknown>();
  const memento = {
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
    keys: () => [...kept.keys()],
  };
  return memento as never;
};
