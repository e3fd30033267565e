import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { beforeEach, test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { world } from "../../fake/vscodeChat.ts";

const { createUtilityOffer } = await import("../../../src/host/chatModelsOffer.ts");

const setting = "chat.byokUtilityModelDefault";

const createFolder = async (context: TestContext) => {
  const parent = await mkdtemp(path.join(os.tmpdir(), "hotpath-offer-"));
  context.after(() => rm(parent, { recursive: true }));
  return path.join(parent, "made", "when needed");
};

beforeEach(() => {
  world.reset();
  world.extensions.add("GitHub.copilot-chat");
  world.inspected[setting] = { defaultValue: "copilot" };
});

test("it is offered once, for all windows and sessions, and only a click sets it", async (context) => {
  const folder = await createFolder(context);
  const offer = createUtilityOffer({ folder, log: silentLog });
  await offer();
  await offer();
  assert.equal(world.said.length, 1);
  assert.deepEqual(world.said[0]!.buttons, ["Use it", "No"]);
  assert.deepEqual(world.updates, []);
  await createUtilityOffer({ folder, log: silentLog })();
  assert.equal(world.said.length, 1);
  assert.equal((await readdir(folder)).length, 1);
});

test("the click sets it for the user, and 'No' does not", async (context) => {
  world.pressed = "No";
  await createUtilityOffer({ folder: await createFolder(context), log: silentLog })();
  assert.deepEqual(world.updates, []);
  world.pressed = "Use it";
  await createUtilityOffer({ folder: await createFolder(context), log: silentLog })();
  assert.deepEqual(world.updates, [["chat", "byokUtilityModelDefault", "mainAgent", 1]]);
});

test("nobody is asked without the built-in chat, or where the matter is decided", async (context) => {
  const folder = await createFolder(context);
  const offer = createUtilityOffer({ folder, log: silentLog });
  for (const found of [
    undefined,
    {},
    { defaultValue: "mainAgent" },
    { defaultValue: "copilot", globalValue: "none" },
    { defaultValue: "copilot", workspaceValue: "copilot" },
  ]) {
    if (found) world.inspected[setting] = found;
    else delete world.inspected[setting];
    await offer();
  }
  world.inspected[setting] = { defaultValue: "copilot" };
  world.extensions.clear();
  await offer();
  assert.equal(world.said.length, 0);
  world.extensions.add("GitHub.copilot-chat");
  await offer();
  assert.equal(world.said.length, 1, "it was not made before");
});

test("where it cannot be remembered, it is not made", async () => {
  await createUtilityOffer({ folder: "/dev/null/no", log: silentLog })();
  assert.equal(world.said.length, 0);
});
