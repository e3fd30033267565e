import path from "node:path";
import { build } from "esbuild";

/** The modules that a session loads inside VS Code, as absolute paths. */
export interface SuiteFiles {
  entry: string;
  endOfRun: string;
  files: string[];
}

/**
 * Turns the suite into JavaScript below `folder` and returns where each module went. For a desktop VS Code: whether its
 * Electron runs TypeScript is not for this project to rely on.
 */
export async function bundleSuite(suite: SuiteFiles, folder: string): Promise<SuiteFiles> {
  const outputFolder = path.join(folder, "suite");
  const outputs = new Map<string, string>();
  const entryPoints = [suite.entry, suite.endOfRun, ...suite.files].map((input) => {
    const name = path.basename(input, ".ts");
    // `.mjs` makes VS Code load it as an ES module, whatever package it lies in.
    outputs.set(input, path.join(outputFolder, `${name}.mjs`));
    return { in: input, out: name };
  });
  await build({
    entryPoints,
    outdir: outputFolder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["vscode"],
    sourcemap: "inline",
    logLevel: "warning",
  });
  const outputOf = (input: string) => outputs.get(input) ?? input;
  return { entry: outputOf(suite.entry), endOfRun: outputOf(suite.endOfRun), files: suite.files.map(outputOf) };
}
