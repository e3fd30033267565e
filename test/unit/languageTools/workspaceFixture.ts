import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export type WorkspaceFixture = AsyncDisposable & {
  /** Holds the workspace and what lies beside it. */
  readonly base: string;
  readonly root: string;
  write(file: string, text: string | Uint8Array): Promise<string>;
  link(target: string, file: string): Promise<void>;
};

/** A workspace folder on the disk, with a folder `outside` beside it; gone when disposed. */
export const createWorkspace = async (): Promise<WorkspaceFixture> => {
  const base = await realpath(await mkdtemp(path.join(tmpdir(), "hotpath-tools-")));
  const root = path.join(base, "workspace");
  await mkdir(root);
  await mkdir(path.join(base, "outside"));
  const at = (file: string) => path.join(root, file);
  return {
    base,
    root,
    async write(file, text) {
      await mkdir(path.dirname(at(file)), { recursive: true });
      await writeFile(at(file), text);
      return at(file);
    },
    link: (target, file) => symlink(target, at(file)),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
};
