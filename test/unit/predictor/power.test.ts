import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { outputOf, parsePmset, parseWindowsPower, readLinuxPower, readPower } from "../../../src/predictor/power.ts";

const makeSys = async (t: TestContext, files: Record<string, string>): Promise<string> => {
  const root = await mkdtemp(path.join(tmpdir(), "hotpath-sys-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), `${text}\n`);
  }
  return root;
};
const supply = (name: string, facts: Record<string, string>) =>
  Object.fromEntries(Object.entries(facts).map(([fact, value]) => [`class/power_supply/${name}/${fact}`, value]));

const profile = (value: string) => ({ "firmware/acpi/platform_profile": value });

test("on Linux the kernel's files tell", async (t) => {
  const battery = supply("BAT0", { type: "Battery", status: "Discharging" });
  const rows = [
    [{}, undefined, undefined],
    [battery, true, undefined],
    [{ ...battery, ...profile("low-power") }, true, true],
    [{ ...battery, ...supply("AC", { type: "Mains", online: "0" }), ...profile("balanced") }, true, false],
    [{ ...battery, ...supply("AC", { type: "Mains", online: "1" }) }, false, undefined],
    [supply("BAT0", { type: "Battery", status: "Charging" }), false, undefined],
    [supply("mouse", { type: "Battery", status: "Discharging", scope: "Device" }), undefined, undefined],
  ] as const;
  for (const [files, isOnBattery, isSaving] of rows) {
    assert.deepEqual(await readLinuxPower(await makeSys(t, files)), { isOnBattery, isSaving }, JSON.stringify(files));
  }
});

const batteries = (source: string) => `Now drawing from '${source} Power'\n -InternalBattery-0 (id=1)\t90%; ...\n`;

test("on macOS pmset tells", () => {
  assert.deepEqual(parsePmset(batteries("Battery"), "Currently in use:\n sleep 1\n lowpowermode         1\n"), {
    isOnBattery: true,
    isSaving: true,
  });
  assert.deepEqual(parsePmset(batteries("AC"), " powermode            0\n"), { isOnBattery: false, isSaving: false });
  assert.deepEqual(parsePmset("", ""), { isOnBattery: undefined, isSaving: undefined });
});

test("on Windows the two words of its power manager tell", () => {
  const rows = [
    ["Discharging On\r\n", true, true],
    ["Discharging Off\r\n", true, false],
    ["Charging Disabled\r\n", false, false],
    ["NotPresent Disabled\r\n", false, false],
    [" \r\n", undefined, undefined],
    ["Unable to find type [Windows.System.Power.PowerManager]", undefined, undefined],
    ["", undefined, undefined],
  ] as const;
  for (const [answer, isOnBattery, isSaving] of rows) {
    assert.deepEqual(parseWindowsPower(answer), { isOnBattery, isSaving }, answer);
  }
});

test("a program that cannot be started prints nothing", async () => {
  assert.equal(await outputOf(process.execPath, ["-p", "1"], 20_000), "1\n");
  assert.equal(await outputOf("/nowhere", [], 1000), "");
  // Node throws this at once, as it does where a policy forbids the program.
  assert.equal(await outputOf(process.execPath, ["-p", "1".repeat(3_000_000)], 20_000), "");
});

test("where nobody tells, nothing is known", async () => {
  for (const platform of ["freebsd", ...(process.platform === "win32" ? [] : ["win32"])]) {
    assert.deepEqual(await readPower(platform), { isOnBattery: undefined, isSaving: undefined }, platform);
  }
});
