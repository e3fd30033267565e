import type { Tool } from "../../../src/tools/tool.ts";

const tool = (
  server: string,
  name: string,
  description: string,
  parameters: Readonly<Record<string, string>> = {},
): Tool => ({
  id: `${server}/${name}`,
  name,
  description,
  server,
  parameters: {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(parameters).map(([key, text]) => [key, { type: "string", description: text }]),
    ),
  },
});

/** A few tools of three servers. */
export const sampleTools: readonly Tool[] = [
  tool("files", "readFile", "Read the content of a file.", { path: "Path of the file" }),
  tool("files", "writeFile", "Write text to a file.", { path: "Path of the file", content: "Text" }),
  tool("files", "list_directory", "List the entries of a directory.", { path: "Path of the directory" }),
  tool("files", "move_file", "Move or rename a file.", { source: "From", destination: "To" }),
  tool("files", "delete_file", "Delete a file.", { path: "Path of the file" }),
  tool("git", "git_commit", "Record staged changes.", { message: "Commit message" }),
  tool("git", "git_diff", "Show changes between commits.", { base: "Commit" }),
  tool("git", "git_log", "Show the history of commits.", { count: "Number of commits" }),
  tool("web", "search", "Search the internet.", { query: "Search query" }),
  tool("web", "fetch_page", "Fetch a page by its address.", { url: "Address" }),
  tool("web", "take_screenshot", "Take a picture of the page."),
  tool("web", "click", "Click an element of the page.", { selector: "CSS selector" }),
];

/** Pseudo-random numbers from 0 to 1, the same for the same seed (mulberry32). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};
