export type Store<T extends { id: string }> = {
  get(id: string): T | undefined;
  list(): T[];
  save(item: T): void;
  remove(id: string): boolean;
};

export function createStore<T extends { id: string }>(): Store<T> {
  const items = new Map<string, T>();
  return {
    get: (id) => items.get(id),
    list: () => [...items.values()],
    save: (item) => void items.set(item.id, item),
    remove: (id) => items.delete(id),
  };
}
