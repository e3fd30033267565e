// Builds dist/: the entry with lazily loaded chunks, the workers, and the webview's script.
//   node esbuild.mjs [--production] [--watch] [--quiet] [--metafile FILE]
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build, context } from "esbuild";

const { values: options } = parseArgs({
  options: {
    production: { type: "boolean", default: false },
    watch: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    metafile: { type: "string" },
  },
});

// undici's inner modules call require() for Node's own modules; an ESM bundle has none of its own.
const requireBanner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

const shared = {
  bundle: true,
  target: "node24",
  metafile: true,
  minify: options.production,
  sourcemap: options.production ? false : "linked",
  legalComments: "none",
  logLevel: options.quiet ? "error" : "info",
};

/** The extension host's side. Workers are entries of their own; core gets their URL from host/compose.ts. */
export const extensionBuild = {
  ...shared,
  entryPoints: {
    extension: "src/extension.ts",
    predictorWorker: "src/predictor/predictorWorker.ts",
    probeWorker: "src/hardware/probeWorker.ts",
  },
  outdir: "dist",
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  platform: "node",
  external: ["vscode"],
  banner: { js: requireBanner },
};

/** The report page's script, for a browser. */
export const webviewBuild = {
  ...shared,
  entryPoints: { report: "src/report/webview/main.ts" },
  outdir: "dist/webview",
  format: "iife",
  platform: "browser",
  target: "es2024",
};

if (options.watch) {
  for (const config of [extensionBuild, webviewBuild]) await (await context(config)).watch();
} else {
  const [extension] = await Promise.all([build(extensionBuild), build(webviewBuild)]);
  if (options.metafile) await writeFile(options.metafile, JSON.stringify(extension.metafile));
}
