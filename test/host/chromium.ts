import { createReadStream, createWriteStream } from "node:fs";
import { access, chmod, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { cachedInstall, unpackFromNpm, unpackTar } from "./cachedInstall.ts";
import { runChild } from "./childProcess.ts";
import { PlainError, say } from "./program.ts";

/** A browser that can be started with nothing else installed. */
export interface Chromium {
  executablePath: string;
  /** Added to the browser's environment. */
  env: Record<string, string>;
}

const npmChromium = "@sparticuz/chromium@153.0.0";
/** That package's one font is proportional; an editor wants a fixed-width one. */
const npmFont = "dejavu-fonts-ttf@2.37.3";

/**
 * Finds a Chromium: `CHROMIUM_PATH`, an installed Chrome or Chromium, or one that npm carries, fetched once.
 * @throws {PlainError} when there is none for this machine
 */
export async function findChromium(): Promise<Chromium> {
  const named = process.env["CHROMIUM_PATH"];
  if (named) {
    if (!(await starts(named)))
      throw new PlainError(`CHROMIUM_PATH is ${named}, which does not start; correct it or unset it.`);
    return { executablePath: named, env: {} };
  }
  for (const candidate of installedPlaces()) {
    if (await starts(candidate)) return { executablePath: candidate, env: {} };
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new PlainError("No Chrome or Chromium found; install one, or set CHROMIUM_PATH to its executable.");
  }
  return fromNpm();
}

function installedPlaces(): string[] {
  if (process.platform === "darwin") {
    return ["/Applications", path.join(os.homedir(), "Applications")].flatMap((folder) =>
      ["Google Chrome", "Chromium"].map((name) => `${folder}/${name}.app/Contents/MacOS/${name}`),
    );
  }
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const names = ["google-chrome-stable", "google-chrome", "chromium", "chromium-browser"];
  return [...names.flatMap((name) => folders.map((folder) => path.join(folder, name))), "/opt/google/chrome/chrome"];
}

/** Some distributions put a script there that only says how to install the browser. */
async function starts(executable: string): Promise<boolean> {
  try {
    await access(executable);
  } catch {
    return false;
  }
  return (await runChild(executable, ["--version"])).exitCode === 0;
}

async function fromNpm(): Promise<Chromium> {
  const folder = await cachedInstall("chromium", `${npmChromium} ${npmFont} 1`, async (target) => {
    say(`Fetching a Chromium for host runs (${npmChromium}, once, 67 MB) ...`);
    await Promise.all([
      unpackFromNpm(npmChromium, path.join(target, "package")),
      unpackFromNpm(npmFont, path.join(target, "dejavu")),
    ]);
    const executable = path.join(target, "chromium");
    await Promise.all([
      unpackBrotli(path.join(target, "package/bin/chromium.br"), executable),
      // The network security libraries that a machine with no desktop lacks.
      unpackBrotliTar(target, "al2023"),
      unpackBrotliTar(target, "fonts"),
    ]);
    await chmod(executable, 0o755);
    await rm(path.join(target, "package"), { recursive: true });
  });
  // Not part of the install: fontconfig wants absolute paths, and the repository may have moved since.
  const configuration = fontConfiguration(folder);
  const configurationPath = path.join(folder, "fonts.conf");
  if ((await readFile(configurationPath, "utf8").catch(() => "")) !== configuration) {
    await writeFile(configurationPath, configuration);
  }
  return {
    executablePath: path.join(folder, "chromium"),
    env: {
      LD_LIBRARY_PATH: [path.join(folder, "al2023/lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
      FONTCONFIG_FILE: configurationPath,
    },
  };
}

async function unpackBrotli(source: string, target: string): Promise<void> {
  await pipeline(createReadStream(source), createBrotliDecompress(), createWriteStream(target));
}

async function unpackBrotliTar(target: string, name: string): Promise<void> {
  const archive = path.join(target, `${name}.tar`);
  await unpackBrotli(path.join(target, `package/bin/${name}.tar.br`), archive);
  await unpackTar(archive, path.join(target, name));
  await rm(archive);
}

function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>${folder}/dejavu/ttf</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fontCache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
</fontconfig>
`;
}
