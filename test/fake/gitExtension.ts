/** What is known about a repository of the window. */
type Repository = { readonly rootUri: unknown; readonly diff: (isStaged: boolean) => Promise<string> };

/**
 * Git's own extension, as far as others ask it. `onFound` is what it does until it has looked for repositories;
 * undefined: it has.
 */
export const createGitExtension = (
  onFound: () => ((found: () => void) => void) | undefined,
  repository: () => Repository | undefined,
) => ({
  activate: async () => ({
    enabled: true,
    getAPI: () => ({
      state: onFound() ? "uninitialized" : "initialized",
      onDidChangeState(found: () => void) {
        onFound()?.(found);
        return { dispose() {} };
      },
      get repositories() {
        return [repository() ?? []].flat();
      },
      getRepository: () => repository() ?? null,
    }),
  }),
});
