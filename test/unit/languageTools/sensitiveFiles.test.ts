import assert from "node:assert/strict";
import { test } from "node:test";
import { sensitivityOf } from "../../../src/languageTools/sensitiveFiles.ts";

const cases: Readonly<Record<string, readonly string[]>> = {
  editor: [
    ".vscode/tasks.json",
    ".VSCode/Settings.json",
    ".v\u017fcode/tasks.json",
    "packages/a/.vscode/launch.json",
    ".vscode",
    "all.code-workspace",
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
    ".mcp.json",
    "mcp.json",
  ],
  tools: [
    "package.json",
    "tsconfig.build.json",
    "Makefile",
    "scripts/release.sh",
    "eslint.config.js",
    ".eslintrc.cjs",
    "vite.config.ts",
    "conftest.py",
    "build.rs",
    ".github/workflows/ci.yml",
    ".husky/pre-commit",
    ".gitattributes",
    "Cargo.toml",
    ".cargo/config.toml",
    "android/gradlew",
    ".pnpmfile.cjs",
    ".yarnrc",
    "flake.nix",
    ".pre-commit-config.yaml",
    "docker-compose.dev.yml",
    "node_modules/a/index.js",
  ],
  instructions: ["AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md", ".cursor/rules/a.mdc", "x.prompt.md"],
  undefined: ["src/app.ts", "README.md", "src/settings.json", "data/tasks.json", "docs/vscode.md", "src/config.ts"],
};

for (const [kind, files] of Object.entries(cases)) {
  test(`${kind === "undefined" ? "ordinary" : kind}: ${files.length} names`, () => {
    for (const file of files) assert.equal(String(sensitivityOf(file)), kind, file);
  });
}
