/** Something that holds a resource until it is disposed. Disposing twice is harmless. */
export type Disposable = { dispose(): void };

/** Collects disposables and disposes them last in, first out; what is added after that is disposed at once. */
export type DisposableList = Disposable & {
  add<T extends Disposable>(item: T): T;
  /** Lets go of an item that ends earlier than the list does; its owner disposes it. */
  remove(item: Disposable): void;
};

/** Makes an empty list. An error in one item's `dispose` does not keep the others from being disposed. */
export const createDisposableList = (): DisposableList => {
  const items: Disposable[] = [];
  let disposed = false;
  return {
    add(item) {
      if (disposed) item.dispose();
      else items.push(item);
      return item;
    },
    remove(item) {
      const at = items.indexOf(item);
      if (at >= 0) items.splice(at, 1);
    },
    dispose() {
      disposed = true;
      const errors: unknown[] = [];
      for (let item = items.pop(); item; item = items.pop()) {
        try {
          item.dispose();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw new AggregateError(errors, "Some resources could not be released");
    },
  };
};
