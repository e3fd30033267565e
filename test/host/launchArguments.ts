import path from "node:path";

/** Those of VS Code's command line arguments that mean something without a desktop. */
export interface LaunchArguments {
  /** A folder or `.code-workspace` file. */
  workspacePath?: string;
  developmentPaths: string[];
  testsPath?: string;
  userDataFolder?: string;
  extensionsFolder?: string;
  disablesOtherExtensions: boolean;
  isTrusted: boolean;
  asksVersion: boolean;
}

/** Flags that take a value; written as `--flag=value` or `--flag value`. All others stand alone. */
const valued = new Set(["extensionDevelopmentPath", "extensionTestsPath", "user-data-dir", "extensions-dir"]);

/** Environment variable that keeps the workspace untrusted: test-electron passes `--disable-workspace-trust` always. */
export const restrictedVariable = "HEADLESS_RESTRICTED";

/** Reads the arguments a VS Code executable gets from test launchers; unknown flags are ignored. */
export function parseLaunchArguments(args: readonly string[]): LaunchArguments {
  const result: LaunchArguments = {
    developmentPaths: [],
    disablesOtherExtensions: false,
    isTrusted: false,
    asksVersion: false,
  };
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    const [, flag, inlineValue] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (flag === undefined) {
      if (!argument.startsWith("-")) result.workspacePath = path.resolve(argument);
    } else if (valued.has(flag)) {
      const value = inlineValue ?? args[++index];
      if (value !== undefined) setPath(result, flag, path.resolve(value));
    } else if (flag === "disable-extensions") result.disablesOtherExtensions = true;
    else if (flag === "disable-workspace-trust") result.isTrusted = true;
    else if (flag === "version") result.asksVersion = true;
  }
  return result;
}

function setPath(result: LaunchArguments, flag: string, value: string): void {
  if (flag === "extensionDevelopmentPath") result.developmentPaths.push(value);
  else if (flag === "extensionTestsPath") result.testsPath = value;
  else if (flag === "user-data-dir") result.userDataFolder = value;
  else result.extensionsFolder = value;
}
