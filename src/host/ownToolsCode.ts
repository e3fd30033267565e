import * as vscode from "vscode";
import { counted, listLines, shortLine } from "../languageTools/resultText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import type { WorkspacePath } from "../languageTools/workspacePath.ts";
import { createOwnTool, type OwnToolTable } from "./ownTool.ts";
import { openDocument, readText, resolveHere, shownName, shownUri } from "./ownToolsWorkspace.ts";

const maxDiagnostics = 100;
const maxSymbols = 200;
const maxReferences = 100;

/** What a heading counts above a list that is cut after `maxLines`. */
const countOf = (lines: readonly string[], maxLines: number, noun: string): string =>
  `${lines.length > maxLines ? `${maxLines} of ` : ""}${counted(lines.length, noun)}`;

const severityNames = ["error", "warning", "information", "hint"];

const uriOf = (place: WorkspacePath): vscode.Uri => openDocument(place)?.uri ?? vscode.Uri.file(place.file);

const diagnosticLine = (name: string, { range, severity, message, source, code }: vscode.Diagnostic): string => {
  const rule = typeof code === "object" ? code.value : code;
  const from = [source, rule].filter((part) => part !== undefined && part !== "").join(" ");
  const where = `${name}:${range.start.line + 1}:${range.start.character + 1}`;
  return `${where}: ${severityNames[severity]}${from === "" ? "" : ` (${from})`}: ${shortLine(message.replaceAll(/\s+/g, " "))}`;
};

type FlatSymbol = {
  readonly name: string;
  readonly kind: vscode.SymbolKind;
  readonly container: string;
  readonly line: number;
};

const isDocumentSymbol = (symbol: vscode.DocumentSymbol | vscode.SymbolInformation): symbol is vscode.DocumentSymbol =>
  "children" in symbol;

/** A tree of symbols as a list; providers may answer with either. */
const flatten = (
  symbols: readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[],
  container = "",
): readonly FlatSymbol[] =>
  symbols.flatMap((symbol) => {
    const { name, kind } = symbol;
    if (!isDocumentSymbol(symbol)) {
      return [{ name, kind, container: symbol.containerName, line: symbol.location.range.start.line }];
    }
    const own = { name, kind, container, line: symbol.selectionRange.start.line };
    return [own, ...flatten(symbol.children, container === "" ? name : `${container}.${name}`)];
  });

const symbolLine = (where: string, { name, kind, container }: Omit<FlatSymbol, "line">): string =>
  `${where}: ${vscode.SymbolKind[kind]?.toLowerCase() ?? "symbol"} ${container === "" ? "" : `${container}.`}${name}`;

/** Where the symbol stands in its line, as a word of its own if it can be one. */
const characterOf = (line: string, symbol: string): number => {
  const escaped = symbol.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  const asWord = new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped}(?![\\p{L}\\p{N}_$])`, "u").exec(line)?.index;
  return asWord ?? line.indexOf(symbol);
};

const linesOf = async (uri: vscode.Uri): Promise<readonly string[]> => {
  try {
    return (await readText(await resolveHere(uri.fsPath))).split(/\r\n|\r|\n/);
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
};

/** Tools that ask the languages' own extensions. */
export const codeTools: OwnToolTable<"hotpath_diagnostics" | "hotpath_symbols" | "hotpath_references"> = {
  hotpath_diagnostics: createOwnTool("hotpath_diagnostics", {
    says: ({ path = "" }) =>
      path === "" ? vscode.l10n.t("Reading problems") : vscode.l10n.t("Reading problems of {0}", path),
    async run({ path }, { roomUnits }) {
      const only = path === undefined ? undefined : await resolveHere(path);
      const lines = vscode.languages
        .getDiagnostics()
        .flatMap(([uri, problems]) => {
          const name = shownUri(uri);
          if (name === undefined || (only && name !== shownName(only))) return [];
          return problems.map((problem) => ({ severity: problem.severity, line: diagnosticLine(name, problem) }));
        })
        .toSorted((a, b) => a.severity - b.severity)
        .map(({ line }) => line);
      if (lines.length === 0) return "No problems are known. Languages check mostly the files that are open.";
      const count = countOf(lines, maxDiagnostics, "problem");
      return listLines(`${count}, the worst first:`, lines.slice(0, maxDiagnostics), roomUnits);
    },
  }),

  hotpath_symbols: createOwnTool("hotpath_symbols", {
    says: ({ query, path = "" }) => vscode.l10n.t("Looking up symbols: {0}", query ?? path),
    async run({ query, path }, { roomUnits }) {
      if (path !== undefined) {
        const place = await resolveHere(path);
        // Also says so where there is no such file, or no text in it.
        await readText(place);
        const symbols = await vscode.commands.executeCommand<
          readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined
        >("vscode.executeDocumentSymbolProvider", uriOf(place));
        const name = shownName(place);
        const lines = flatten(symbols ?? [])
          .filter((symbol) => query === undefined || symbol.name.toLowerCase().includes(query.toLowerCase()))
          .map((symbol) => symbolLine(`${name}:${symbol.line + 1}`, symbol));
        return listLines(`${countOf(lines, maxSymbols, "symbol")} in ${name}:`, lines.slice(0, maxSymbols), roomUnits);
      }
      if (query === undefined) throw new ToolError("input", `Give "query", "path", or both.`);
      const found = await vscode.commands.executeCommand<readonly vscode.SymbolInformation[] | undefined>(
        "vscode.executeWorkspaceSymbolProvider",
        query,
      );
      const lines = (found ?? []).flatMap(({ name, kind, containerName, location }) => {
        const file = shownUri(location.uri);
        const where = `${file}:${location.range.start.line + 1}`;
        return file === undefined ? [] : [symbolLine(where, { name, kind, container: containerName })];
      });
      return listLines(
        `${countOf(lines, maxSymbols, "symbol")} in the workspace:`,
        lines.slice(0, maxSymbols),
        roomUnits,
      );
    },
  }),

  hotpath_references: createOwnTool("hotpath_references", {
    says: ({ symbol }) => vscode.l10n.t("Looking up references to {0}", symbol),
    async run({ path, line, symbol }, { roomUnits, signal }) {
      const place = await resolveHere(path);
      const text = (await readText(place)).split(/\r\n|\r|\n/)[line - 1];
      const character = text === undefined ? -1 : characterOf(text, symbol);
      if (character < 0) {
        const there = text === undefined ? "There is no such line." : `The line is: ${shortLine(text)}`;
        throw new ToolError("no-match", `"symbol" does not stand in line ${line} of ${shownName(place)}. ${there}`);
      }
      const found = await vscode.commands.executeCommand<readonly vscode.Location[] | undefined>(
        "vscode.executeReferenceProvider",
        uriOf(place),
        new vscode.Position(line - 1, character),
      );
      const texts = new Map<string, readonly string[]>();
      const lines: string[] = [];
      for (const { uri, range } of (found ?? []).slice(0, maxReferences)) {
        signal.throwIfAborted();
        const name = shownUri(uri);
        if (name === undefined) continue;
        const known = texts.get(name) ?? (await linesOf(uri));
        texts.set(name, known);
        const { start } = range;
        lines.push(`${name}:${start.line + 1}: ${shortLine(known[start.line] ?? "", start.character)}`);
      }
      const all = (found ?? []).length > maxReferences ? `the first ${lines.length}` : String(lines.length);
      return listLines(`References to ${symbol} in the workspace: ${all}`, lines, roomUnits);
    },
  }),
};
