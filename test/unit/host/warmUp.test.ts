import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../../fake/clock.ts";
import { person, window } from "../../fake/vscode.ts";

const { registerWarmUp } = await import("../../../src/host/warmUp.ts");

test("a window that has lost the focus again warms nothing up, and the next focus counts", () => {
  const clock = createFakeClock();
  window.state.focused = true;
  let count = 0;
  const registration = registerWarmUp(clock, (isFirstFocus) => (count += isFirstFocus ? 1 : 0));
  window.state.focused = false;
  clock.advance(10_000);
  assert.equal(count, 0);
  window.state.focused = true;
  person.fireWindowState({ focused: true });
  clock.advance(10_000);
  assert.equal(count, 1);
  person.fireWindowState({ focused: true });
  clock.advance(10_000);
  assert.equal(count, 1);
  person.fireTrustGrant();
  clock.advance(10_000);
  assert.equal(count, 2, "before the folder was trusted nothing could be warmed up");
  registration.dispose();
  assert.deepEqual(clock.pending(), []);
});

test("only what is typed into the editor in front opens connections", () => {
  const clock = createFakeClock();
  let count = 0;
  const registration = registerWarmUp(clock, () => count++);
  clock.advance(10_000);
  assert.equal(count, 1);
  const file = { uri: { scheme: "file" } };
  const change = (document: object) => {
    person.fireTextChange({ document, contentChanges: [{}] });
    clock.advance(10_000);
  };
  window.activeTextEditor = { document: file };
  change({ uri: { scheme: "file" } });
  const output = { uri: { scheme: "output" } };
  window.activeTextEditor = { document: output };
  change(output);
  window.activeTextEditor = { document: file };
  window.state.focused = false;
  change(file);
  assert.equal(count, 1);
  window.state.focused = true;
  change(file);
  assert.equal(count, 2);
  registration.dispose();
});

test("passing by leaves nothing behind", () => {
  const clock = createFakeClock();
  let held = 0;
  const registration = registerWarmUp(
    {
      ...clock,
      after(delayMs, callback) {
        const timer = clock.after(delayMs, callback);
        return {
          dispose() {
            held++;
            timer.dispose();
          },
        };
      },
    },
    () => {},
  );
  for (let times = 0; times < 5; times++) {
    person.fireWindowState({ focused: true });
    window.state.focused = false;
    clock.advance(10_000);
  }
  window.state.focused = true;
  person.fireWindowState({ focused: true });
  registration.dispose();
  assert.equal(held, 1);
});
