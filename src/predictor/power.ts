import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** Undefined where nobody can tell. */
export type Power = { readonly isOnBattery: boolean | undefined; readonly isSaving: boolean | undefined };

const unknown: Power = { isOnBattery: undefined, isSaving: undefined };
const linuxRoot = "/sys";
const pmsetTimeoutMs = 2000;
/** PowerShell alone takes half a second to start, more on the first day. */
const powerShellTimeoutMs = 10_000;

const readWord = async (...parts: string[]): Promise<string | undefined> =>
  readFile(path.join(...parts), "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );

/**
 * What the kernel's files say: a mains adapter that is online, or else a battery of the machine (not of a mouse) that
 * discharges; `platform_profile` is what desktops set for their power saver.
 *
 * Documented in Documentation/ABI/testing/sysfs-class-power and sysfs-platform_profile of the Linux kernel.
 */
export const readLinuxPower = async (root = linuxRoot): Promise<Power> => {
  const folder = path.join(root, "class/power_supply");
  let isOnBattery: boolean | undefined;
  for (const name of await readdir(folder).catch(() => [])) {
    const type = await readWord(folder, name, "type");
    if (type === "Mains" && (await readWord(folder, name, "online")) === "1") {
      isOnBattery = false;
      break;
    }
    if (type !== "Battery" || (await readWord(folder, name, "scope")) === "Device") continue;
    isOnBattery ||= (await readWord(folder, name, "status")) === "Discharging";
  }
  const profile = await readWord(root, "firmware/acpi/platform_profile");
  return { isOnBattery, isSaving: profile === undefined ? undefined : profile === "low-power" };
};

/** Reads the answers of `pmset -g batt` and `pmset -g` (macOS). */
export const parsePmset = (batteries: string, settings: string): Power => {
  const source = /drawing from '(\w+) Power'/.exec(batteries)?.[1];
  const mode = /^\s*(?:lowpowermode|powermode)\s+(\d)/m.exec(settings)?.[1];
  return {
    isOnBattery: source === undefined ? undefined : source === "Battery",
    isSaving: mode === undefined ? undefined : mode === "1",
  };
};

/**
 * Prints the two words that {@link parseWindowsPower} reads. Windows PowerShell knows the types of the Windows Runtime,
 * later ones do not. Documented as Windows.System.Power.PowerManager.
 */
const windowsScript =
  "$power = [Windows.System.Power.PowerManager, Windows.System.Power, ContentType = WindowsRuntime]; " +
  '"$($power::BatteryStatus) $($power::EnergySaverStatus)"';

/** Reads a battery's status and an energy saver's: `Discharging On`. */
export const parseWindowsPower = (answer: string): Power => {
  const [, battery, saver] = /^(NotPresent|Discharging|Idle|Charging) (Disabled|Off|On)\s*$/.exec(answer) ?? [];
  return battery === undefined ? unknown : { isOnBattery: battery === "Discharging", isSaving: saver === "On" };
};

/** What a program prints; "" where it cannot be started, fails or takes too long. */
export const outputOf = (program: string, parts: readonly string[], timeoutMs: number): Promise<string> =>
  new Promise((resolve) => {
    // The current folder may be anybody's.
    const options = { cwd: os.homedir(), timeout: timeoutMs, windowsHide: true };
    try {
      execFile(program, parts, options, (error, stdout) => resolve(error ? "" : stdout));
    } catch {
      // What a policy forbids to start, Node throws instead of calling back.
      resolve("");
    }
  });

const runPmset = (...parts: string[]) => outputOf("/usr/bin/pmset", parts, pmsetTimeoutMs);

const runPowerShell = (script: string) => {
  const system = path.win32.join(process.env["SystemRoot"] ?? String.raw`C:\Windows`, "System32");
  const program = path.win32.join(system, "WindowsPowerShell", "v1.0", "powershell.exe");
  return outputOf(program, ["-NoProfile", "-NonInteractive", "-Command", script], powerShellTimeoutMs);
};

/** Whether the machine runs on its battery and saves power. Starts a program on macOS and Windows. Never throws. */
export const readPower = async (platform: string = process.platform): Promise<Power> => {
  if (platform === "linux") return readLinuxPower();
  if (platform === "win32") return parseWindowsPower(await runPowerShell(windowsScript));
  if (platform !== "darwin") return unknown;
  const [batteries, settings] = await Promise.all([runPmset("-g", "batt"), runPmset("-g")]);
  return parsePmset(batteries, settings);
};
