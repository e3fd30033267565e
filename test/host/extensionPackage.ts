import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { cacheFolder } from "./cachedInstall.ts";
import { runChild } from "./childProcess.ts";
import { readManifest } from "./manifest.ts";
import { PlainError } from "./program.ts";

/**
 * Packs the built extension in `folder`, as it would be published, and returns the package's path.
 * @throws {PlainError} when it is not built, or vsce finds fault with it
 */
export async function packExtension(folder: string): Promise<string> {
  const { name, main } = await readManifest(folder);
  try {
    await access(path.join(folder, main));
  } catch {
    throw new PlainError(`${main} does not exist; run npm run build first.`);
  }
  await mkdir(cacheFolder, { recursive: true });
  const packagePath = path.join(cacheFolder, `${name}.vsix`);
  // Under another name first: a run beside this one may be installing it.
  const partial = await mkdtemp(path.join(cacheFolder, "package-"));
  try {
    const partialPath = path.join(partial, `${name}.vsix`);
    const { exitCode, output } = await runChild(
      process.execPath,
      [
        vscePath(),
        "package",
        "--no-dependencies",
        "--allow-missing-repository",
        "--skip-license",
        "--no-rewrite-relative-links",
        "--out",
        partialPath,
      ],
      { cwd: folder },
    );
    if (exitCode !== 0) throw new PlainError(`vsce could not pack the extension:\n${output}`);
    await rename(partialPath, packagePath);
    return packagePath;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function vscePath(): string {
  const { resolve } = createRequire(import.meta.url);
  return path.join(path.dirname(resolve("@vscode/vsce/package.json")), "vsce");
}
