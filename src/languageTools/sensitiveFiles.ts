import { foldedPath } from "../base/secretFiles.ts";

/**
 * Why an edit of a file deserves a second look: `editor`, VS Code (or a container for it) runs what stands there;
 * `tools`, programs run it when a person builds, installs, checks or commits; `instructions`, models obey it.
 */
export type Sensitivity = "editor" | "tools" | "instructions";

const kinds: readonly (readonly [Sensitivity, RegExp])[] = [
  ["editor", /(?:^|\/)(?:\.vscode|\.devcontainer)(?:\/|$)|\.code-workspace$|(?:^|\/)(?:\.devcontainer|\.?mcp)\.json$/],
  [
    "instructions",
    /(?:^|\/)(?:agents|claude|gemini|skill)\.md$|(?:^|\/)\.(?:cursorrules|windsurfrules|clinerules)$|(?:^|\/)\.(?:cursor|claude|agents)\/|\.(?:instructions|prompt|chatmode|agent)\.md$|(?:^|\/)copilot-instructions\.md$/,
  ],
  [
    "tools",
    /(?:^|\/)(?:\.github|\.husky|\.githooks|\.circleci|\.idea|\.config|node_modules)\/|(?:^|\/)\.git[a-z]+$|(?:^|\/)(?:gnumake|make|docker|jenkins|rake|gem|just|task|pip|proc|vagrant)file$|\.(?:sh|bash|zsh|fish|ps1|bat|cmd|mk|gradle|kts|csproj|targets|props)$|(?:^|\/)(?:package|composer|deno|tsconfig[^/]*|jsconfig|nx|turbo|lerna)\.jsonc?$|(?:^|\/)(?:pyproject|cargo|mise)\.toml$|(?:^|\/)(?:conftest|setup|noxfile|build)\.(?:py|rs)$|(?:^|\/)(?:pom|build)\.xml$|(?:^|\/)cmakelists\.txt$|(?:^|\/)\.(?:pre-commit-config|gitlab-ci|travis|lefthook)\.ya?ml$|(?:^|\/)lefthook\.ya?ml$|(?:^|\/)docker-compose[^/]*\.ya?ml$|(?:^|\/)[^/]*(?:\.config|rc|\.pnpmfile)\.(?:[cm]?[jt]s)$|(?:^|\/)\.cargo\/|(?:^|\/)(?:gradlew|mvnw|configure|\.yarnrc|\.bazelrc|\.pylintrc|\.exrc|\.vimrc)$|\.nix$/,
  ],
];

/** Undefined: an ordinary file. `relative` to the workspace folder; upper and lower case are the same. */
export const sensitivityOf = (relative: string): Sensitivity | undefined =>
  kinds.find(([, pattern]) => pattern.test(foldedPath(relative)))?.[0];
