// Builds dist/: the entry with lazily loaded chunks, the workers, and the webview's script.
//   node esbuild.mjs [--production] [--watch] [--quiet]
import { cp, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build, context } from "esbuild";

// undici's inner modules call require() for Node's own modules; an ESM bundle has none of its own.
const requireBanner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

const shared = ({ production = false, quiet = false }) => ({
  absWorkingDir: import.meta.dirname,
  bundle: true,
  target: "node24",
  minify: production,
  sourcemap: production ? false : "linked",
  legalComments: "none",
  logLevel: quiet ? "error" : "info",
});

/** The extension host's side. Workers are entries of their own; core gets their URL from host/compose.ts. */
export const extensionBuild = (options = {}) => ({
  ...shared(options),
  entryPoints: {
    extension: "src/extension.ts",
    predictorWorker: "src/predictor/predictorWorker.ts",
    probeWorker: "src/hardware/probeWorker.ts",
    scanWorker: "src/languageTools/scanWorker.ts",
  },
  outdir: "dist",
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  platform: "node",
  external: ["vscode"],
  banner: { js: requireBanner },
});

/** The report page's script, for a browser. */
export const webviewBuild = (options = {}) => ({
  ...shared(options),
  entryPoints: { report: "src/report/webview/main.ts" },
  outdir: "dist/webview",
  format: "iife",
  platform: "browser",
  target: "es2024",
});

if (import.meta.main) {
  const { values: options } = parseArgs({
    options: {
      production: { type: "boolean", default: false },
      watch: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
    },
  });
  const builds = [extensionBuild(options), webviewBuild(options)];
  // Chunks carry a hash in their names: those of earlier builds would stay, and be packed.
  await rm("dist", { recursive: true, force: true });
  // Data that the predictor's worker reads from beside itself.
  await cp("src/predictor/standard", "dist/standard", { recursive: true });
  if (options.watch) for (const config of builds) await (await context(config)).watch();
  else await Promise.all(builds.map((config) => build(config)));
}
