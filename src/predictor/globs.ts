/**
 * The expression for a glob as in VS Code's `files.exclude`: `*` and `?` stay within one name, `**` spans folders,
 * `{a,b}` and `[a-z]` choose; names that begin with a dot are names like any other. It matches whole paths with `/`.
 * Undefined: nobody can read the glob.
 */
export const globToRegExp = (glob: string): RegExp | undefined => {
  const pattern = glob.replace(/^\.?\//, "").replace(/\/$/, "");
  let source = "";
  let depth = 0;
  for (let at = 0; at < pattern.length;) {
    const spans = /^(?:\*\*\/)+|^\/\*\*$/.exec(pattern.slice(at))?.[0];
    const choice = /^\[(!|\^)?([^\]/]+)\]/.exec(pattern.slice(at));
    const char = pattern.charAt(at);
    at += spans?.length ?? choice?.[0].length ?? 1;
    if (spans) source += spans.startsWith("/") ? "(?:/.*)?" : "(?:[^/]+/)*";
    else if (choice) source += `[${choice[1] ? "^/" : ""}${choice[2]!.replaceAll(/[\\[\]^]/g, String.raw`\$&`)}]`;
    else if (char === "*" && pattern.charAt(at) === "*") {
      at++;
      source += ".*";
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "{") {
      depth++;
      source += "(?:";
    } else if (char === "}" && depth > 0) {
      depth--;
      source += ")";
    } else if (char === "," && depth > 0) source += "|";
    else source += char.replace(/[\\^$.*+?()[\]{}|]/, String.raw`\$&`);
  }
  try {
    return new RegExp(`^(?:${source})$`);
  } catch {
    return undefined;
  }
};
