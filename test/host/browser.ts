import { chromium as playwright, type BrowserContext, type Page } from "playwright-core";
import { findChromium } from "./chromium.ts";

/** The browser that serves as VS Code's window, with one page. */
export interface Window {
  page: Page;
  close(): Promise<void>;
}

/** What the workbench opens. */
export interface WorkbenchTarget {
  /** A folder, a `.code-workspace` file, or nothing. */
  workspacePath?: string;
  /** Extensions run from source. VS Code in a browser takes one. */
  developmentPaths?: readonly string[];
  testsPath?: string;
  disablesOtherExtensions?: boolean;
}

const viewport = { width: 1400, height: 900 };

/** Starts a headless browser with an empty page; `profileFolder` keeps what VS Code stores in a browser. */
export async function openWindow(profileFolder: string): Promise<Window> {
  const { executablePath, env } = await findChromium();
  const context = await playwright.launchPersistentContext(profileFolder, {
    executablePath,
    headless: true,
    viewport,
    env: { ...definedOnly(process.env), ...env },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-renderer-backgrounding",
      "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
    ],
    // The program that opened the window ends it, together with everything else.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = context.pages()[0] ?? (await context.newPage());
  return { page, close: () => closeContext(context) };
}

/** The address that opens a workbench. The payload's test keys need a server with the test driver. */
export function workbenchUrl(authority: string, target: WorkbenchTarget): string {
  const url = new URL(`http://${authority}/`);
  if (target.workspacePath === undefined) url.searchParams.set("ew", "true");
  else if (target.workspacePath.endsWith(".code-workspace")) url.searchParams.set("workspace", target.workspacePath);
  else url.searchParams.set("folder", target.workspacePath);
  const remote = (file: string) => `vscode-remote://${authority}${file}`;
  const payload = [
    ["skipWelcome", "true"],
    ["skipReleaseNotes", "true"],
    ...(target.developmentPaths ?? []).map((folder) => ["extensionDevelopmentPath", remote(folder)]),
    ...(target.testsPath === undefined ? [] : [["extensionTestsPath", remote(target.testsPath)]]),
    ...(target.disablesOtherExtensions ? [["disableExtensions", "true"]] : []),
  ];
  url.searchParams.set("payload", JSON.stringify(payload));
  return url.href;
}

async function closeContext(context: BrowserContext): Promise<void> {
  try {
    await context.close();
  } catch {
    // It crashed or was closed before.
  }
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
