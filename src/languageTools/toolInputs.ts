import type { ToolFields } from "./toolInput.ts";

const maxPathUnits = 1000;
const maxGlobUnits = 200;
/** What one edit may replace and put in; what is shown before it is made must stay readable. */
export const maxEditUnits = 20_000;

const path = (description: string) => ({ type: "string", description, minLength: 1, maxLength: maxPathUnits }) as const;
const filePath = path("File, relative to the workspace folder, such as src/app.ts.");
const files = {
  type: "string",
  description: "Only files that match this glob, such as *.ts or src/**/*.test.ts.",
  minLength: 1,
  maxLength: maxGlobUnits,
} as const;

/** What each of our tools takes. The manifest says the same, as JSON Schema; a test compares them. */
export const toolInputs = {
  hotpath_searchText: {
    required: {
      query: {
        type: "string",
        description: "Text to find in a line. Upper and lower case count only if it has an upper-case letter.",
        minLength: 1,
        maxLength: 300,
      },
    },
    optional: {
      isRegex: { type: "boolean", description: "Whether query is a JavaScript regular expression." },
      files,
    },
  },
  hotpath_readFile: {
    required: { path: filePath },
    optional: {
      startLine: { type: "integer", description: "First line, from 1.", minimum: 1, maximum: 10_000_000 },
      endLine: { type: "integer", description: "Last line, included.", minimum: 1, maximum: 10_000_000 },
    },
  },
  hotpath_listFiles: {
    required: {},
    optional: { folder: path("Folder to list, relative to the workspace folder. All of it if left out."), files },
  },
  hotpath_diagnostics: {
    required: {},
    optional: { path: path("Only this file.") },
  },
  hotpath_symbols: {
    required: {},
    optional: {
      query: {
        type: "string",
        description: "Part of a symbol's name, to find it anywhere.",
        minLength: 1,
        maxLength: 200,
      },
      path: path("File whose symbols to list."),
    },
  },
  hotpath_references: {
    required: {
      path: filePath,
      line: { type: "integer", description: "Line where the symbol stands, from 1.", minimum: 1, maximum: 10_000_000 },
      symbol: { type: "string", description: "The symbol as it stands in that line.", minLength: 1, maxLength: 200 },
    },
    optional: {},
  },
  hotpath_gitDiff: {
    required: {},
    optional: {
      path: path("Only this file or folder."),
      isStaged: { type: "boolean", description: "Changes that are staged, instead of those that are not." },
    },
  },
  hotpath_gitLog: {
    required: {},
    optional: {
      path: path("Only commits that changed this file or folder."),
      count: { type: "integer", description: "How many commits; 10 if left out.", minimum: 1, maximum: 50 },
    },
  },
  hotpath_applyEdit: {
    required: {
      path: filePath,
      oldText: {
        type: "string",
        description: "Text to replace, exactly as in the file, with enough lines to occur once. Empty: a new file.",
        maxLength: maxEditUnits,
      },
      newText: { type: "string", description: "Text to put in its place.", maxLength: maxEditUnits },
    },
    optional: {},
  },
  hotpath_listTasks: { required: {}, optional: {} },
  hotpath_runTask: {
    required: {
      task: {
        type: "string",
        description: "Name of the task, as hotpath_listTasks tells it.",
        minLength: 1,
        maxLength: 200,
      },
    },
    optional: {},
  },
  hotpath_memoryStatus: { required: {}, optional: {} },
  hotpath_performanceReport: { required: {}, optional: {} },
} as const satisfies Readonly<Record<string, ToolFields>>;

export type ToolName = keyof typeof toolInputs;
