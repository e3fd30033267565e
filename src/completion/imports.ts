/** What a file imports from another one of the same workspace. */
export type ImportTarget = {
  /**
   * Where it may lie, the likeliest first, with `/`: relative to the importing file's folder, or to the workspace
   * folder when it begins with `/`.
   */
  readonly paths: readonly string[];
  /** What is taken from it, as far as the line says. */
  readonly names: readonly string[];
};

type Rule = (text: string) => readonly ImportTarget[];

const wordsOf = (text: string): readonly string[] =>
  (text.match(/[A-Za-z_$][\w$]*/g) ?? []).filter((word) => !noNames.has(word));
const noNames = new Set(["as", "type", "import", "from", "export", "default", "const", "let", "var", "self", "pub"]);

const scriptEndings = [".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cjs", ".vue", ".svelte"];

const script: Rule = (text) => {
  const statement = /\b(?:import|export)\b([^"'`;=]{0,400}?)\bfrom\s*["'](\.{1,2}\/[^"'\n]+)["']/g;
  const call =
    /(?:\b(?:const|let|var)\s+([^=;]{1,200}?)=\s*)?\b(?:await\s+)?(?:require|import)\(\s*["'](\.{1,2}\/[^"'\n]+)["']/g;
  return [...text.matchAll(statement), ...text.matchAll(call)].map(([, names = "", path = ""]) => ({
    paths: /\.\w+$/.test(path)
      ? // TypeScript's own rule: what is written `.js` may be `.ts`.
        [
          path,
          path.replace(/\.([cm]?)js$/, ".$1ts"),
          path.replace(/\.js$/, ".tsx"),
          ...scriptEndings.map((end) => path + end),
        ]
      : [...scriptEndings.map((end) => path + end), `${path}/index.ts`, `${path}/index.js`],
    names: wordsOf(names),
  }));
};

const python: Rule = (text) => {
  const found: ImportTarget[] = [];
  for (const [, dots = "", module = "", list = ""] of text.matchAll(
    /^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]{0,600}\)|[^\n#]+)/gm,
  )) {
    const names = wordsOf(list);
    const base = dots === "" ? "/" : "../".repeat(dots.length - 1) || "./";
    const path = module.replaceAll(".", "/");
    // `from . import name` names modules.
    const modules = path === "" ? names.map((name) => base + name) : [base + path];
    for (const target of modules) found.push({ paths: pythonPaths(target), names });
  }
  for (const [, module = ""] of text.matchAll(/^[ \t]*import[ \t]+([\w.]+)/gm)) {
    found.push({ paths: pythonPaths(`/${module.replaceAll(".", "/")}`), names: [] });
  }
  return found;
};

const pythonPaths = (module: string): readonly string[] => {
  const places = module.startsWith("/") ? [module, `/src${module}`] : [module];
  return places.flatMap((place) => [`${place}.py`, `${place}/__init__.py`]);
};

/** A package's path ends with its folder's; its main file often has the folder's name. */
const go: Rule = (text) => {
  const block = /^import\s*\(([^)]*)\)|^import\s+(?:[\w.]+\s+)?("[^"\n]+")/gm;
  return [...text.matchAll(block)].flatMap(([, list, single]) =>
    [...(list ?? single ?? "").matchAll(/"([^"\n]+\/[^"\n]+)"/g)].map(([, path = ""]) => {
      const parts = path.split("/");
      const name = parts.at(-1) ?? "";
      return { paths: parts.map((_, index) => `/${parts.slice(index).join("/")}/${name}.go`), names: [] };
    }),
  );
};

const cFamily: Rule = (text) =>
  [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm)].map(([, path = ""]) => ({
    paths: [path, `/${path}`, `/include/${path}`, `/src/${path}`],
    names: [],
  }));

const rust: Rule = (text) => {
  const modules = [...text.matchAll(/^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*;/gm)].map(
    ([, name = ""]) => ({ paths: [`${name}.rs`, `${name}/mod.rs`], names: [] }),
  );
  const uses = [
    ...text.matchAll(/^[ \t]*(?:pub[ \t]+)?use[ \t]+(crate|super)::((?:\w+::)*\w+)(?:::\{([^}]{0,400})\})?/gm),
  ].map(([, root = "", path = "", list = ""]) => {
    const parts = path.split("::").filter((part) => part !== "");
    const base = root === "crate" ? "/src/" : "./";
    // The last parts may be names in a module instead of modules.
    const paths = parts.map((_, index) => base + parts.slice(0, parts.length - index).join("/"));
    return {
      paths: paths.flatMap((place) => [`${place}.rs`, `${place}/mod.rs`]),
      names: [...wordsOf(list), ...parts.slice(-1)],
    };
  });
  return [...modules, ...uses];
};

const rules: Readonly<Record<string, Rule>> = {
  typescript: script,
  typescriptreact: script,
  javascript: script,
  javascriptreact: script,
  vue: script,
  svelte: script,
  python,
  go,
  c: cFamily,
  cpp: cFamily,
  "objective-c": cFamily,
  rust,
};

// Imports stand at the beginning; reading all of a long file for one is not worth the time.
const searchedUnits = 20_000;

/**
 * The files of the workspace that `text` imports, by cheap rules for TypeScript, JavaScript, Python, Go, C, C++ and
 * Rust: no configuration is read, so aliases and packages are not found. Each file once, at most `max`.
 */
export const importTargets = (text: string, languageId: string, max = 12): readonly ImportTarget[] => {
  const seen = new Map<string, ImportTarget>();
  for (const target of rules[languageId]?.(text.slice(0, searchedUnits)) ?? []) {
    const key = target.paths[0] ?? "";
    const before = seen.get(key);
    seen.set(key, before ? { ...before, names: [...before.names, ...target.names] } : target);
  }
  return [...seen.values()].slice(0, max);
};
