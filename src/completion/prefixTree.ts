/** Values by text keys; finds all keys that a text begins with in one walk. */
export type PrefixTree<V> = {
  /** Keeps `value` under `key`, in place of what was there. */
  set(key: string, value: V): void;
  delete(key: string): void;
  /** The values whose keys `text` begins with, longest key first, and how long each key is. */
  prefixesOf(text: string): readonly { readonly value: V; readonly length: number }[];
  readonly isEmpty: boolean;
};

/** What the text on the way to a node goes on with; no two children begin with the same unit. */
type Node<V> = { edge: string; value: V | undefined; readonly children: Map<number, Node<V>> };

/** Makes an empty tree. A value must not be undefined. */
export const createPrefixTree = <V extends object>(): PrefixTree<V> => {
  const root: Node<V> = { edge: "", value: undefined, children: new Map() };

  /** Makes `node` end where it and `text` part, and what was behind that its child. */
  const split = (node: Node<V>, length: number): void => {
    const rest: Node<V> = { edge: node.edge.slice(length), value: node.value, children: new Map(node.children) };
    node.edge = node.edge.slice(0, length);
    node.value = undefined;
    node.children.clear();
    node.children.set(rest.edge.charCodeAt(0), rest);
  };

  return {
    set(key, value) {
      let node = root;
      let at = 0;
      while (at < key.length) {
        const child = node.children.get(key.charCodeAt(at));
        if (!child) {
          node.children.set(key.charCodeAt(at), { edge: key.slice(at), value, children: new Map() });
          return;
        }
        const common = commonLength(child.edge, key, at);
        if (common < child.edge.length) split(child, common);
        node = child;
        at += common;
      }
      node.value = value;
    },
    delete(key) {
      const path = [root];
      for (let at = 0; at < key.length; at += path.at(-1)!.edge.length) {
        const child = path.at(-1)!.children.get(key.charCodeAt(at));
        if (!child || !key.startsWith(child.edge, at)) return;
        path.push(child);
      }
      path.at(-1)!.value = undefined;
      for (let node = path.pop()!; path.length > 0; node = path.pop()!) {
        if (node.value !== undefined || node.children.size > 0) return;
        path.at(-1)!.children.delete(node.edge.charCodeAt(0));
      }
    },
    prefixesOf(text) {
      const found: { value: V; length: number }[] = [];
      let node: Node<V> | undefined = root;
      let at = 0;
      while (node && text.startsWith(node.edge, at)) {
        at += node.edge.length;
        if (node.value !== undefined) found.push({ value: node.value, length: at });
        node = at < text.length ? node.children.get(text.charCodeAt(at)) : undefined;
      }
      return found.toReversed();
    },
    get isEmpty() {
      return root.children.size === 0 && root.value === undefined;
    },
  };
};

const commonLength = (edge: string, key: string, at: number): number => {
  const end = Math.min(edge.length, key.length - at);
  let length = 0;
  while (length < end && edge.charCodeAt(length) === key.charCodeAt(at + length)) length++;
  return length;
};
