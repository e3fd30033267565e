import assert from "node:assert/strict";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { ToolError, type ToolErrorKind } from "../../../src/languageTools/toolError.ts";
import { readPath, resolvePath, type OpenFolder } from "../../../src/languageTools/workspacePath.ts";
import { createRandom } from "../predictor/randomText.ts";
import { createWorkspace } from "./workspaceFixture.ts";

const { posix, win32 } = path;
const unix: readonly OpenFolder[] = [{ name: "app", root: "/home/me/app" }];
const windows: readonly OpenFolder[] = [{ name: "app", root: "c:\\Users\\me\\app" }];

const isKind = (kind: ToolErrorKind) => (error: unknown) => error instanceof ToolError && error.kind === kind;

/** What becomes of a path: where it leads relative to the folder, or why it is refused. */
const readOn = (style: path.PlatformPath, text: string): string => {
  try {
    return readPath(text, style === posix ? unix : windows, style).relative;
  } catch (error) {
    assert.ok(error instanceof ToolError, String(error));
    return `! ${error.kind}`;
  }
};

const onUnix: readonly (readonly [string, string])[] = [
  ["src/a.ts", "src/a.ts"],
  ["./src//b/../a.ts", "src/a.ts"],
  ["src\\a.ts", "src/a.ts"],
  ["/home/me/app/src/a.ts", "src/a.ts"],
  [".", ""],
  ["..", "! outside"],
  ["src/../../app2/a.ts", "! outside"],
  ["../application/a.ts", "! outside"],
  ["/home/me/app2/a.ts", "! outside"],
  ["/etc/passwd", "! outside"],
  ["..\\..\\..\\etc\\passwd", "! outside"],
  ["//server/share/a.ts", "! outside"],
  ["\\\\server\\share\\a.ts", "! outside"],
  ["\\\\?\\C:\\a.ts", "! outside"],
  ["C:\\Windows\\win.ini", "! outside"],
  ["c:a.ts", "! outside"],
  ["file:///home/me/app/a.ts", "! outside"],
  ["vscode-userdata:/User/settings.json", "! outside"],
  ["https://evil.example/?q=1", "! outside"],
  // Nothing decodes it: it is a name like any other, and there is no such folder.
  ["%2e%2e/%2e%2e/etc/passwd", "%2e%2e/%2e%2e/etc/passwd"],
  ["..%2f..%2fetc%2fpasswd", "..%2f..%2fetc%2fpasswd"],
  ["~/a.ts", "~/a.ts"],
  ["...", "..."],
  ["a\0.ts", "! input"],
  ["a\n.ts", "! input"],
  ["src/\u202ets.a", "! input"],
  ["src/\u200b.env", "! input"],
  ["src/\ud800.ts", "! input"],
  ["", "! input"],
  ["  ", "! input"],
  ["a/".repeat(600), "! input"],
  [".git/config", "! protected"],
  [".GIT/config", "! protected"],
  [".git", "! protected"],
  ["sub/.git/hooks/pre-commit", "! protected"],
  ["src/../.git/HEAD", "! protected"],
  [".gitignore", ".gitignore"],
  [".env", "! secret"],
  [".ENV", "! secret"],
  ["a/../.env.local", "! secret"],
  ["deploy/id_rsa", "! secret"],
  [".ssh", "! secret"],
  ["SECRETS/x.txt", "! secret"],
];

test("on Unix a path leads into the folder or is refused", () => {
  for (const [text, expected] of onUnix) assert.equal(readOn(posix, text), expected, JSON.stringify(text));
});

const onWindows: readonly (readonly [string, string])[] = [
  ["src/a.ts", "src/a.ts"],
  ["SRC\\A.ts", "SRC/A.ts"],
  ["C:\\USERS\\Me\\app\\a.ts", "a.ts"],
  ["c:/users/me/app/a.ts", "a.ts"],
  ["C:\\Users\\me\\app2\\a.ts", "! outside"],
  ["D:\\Users\\me\\app\\a.ts", "! outside"],
  ["c:a.ts", "! outside"],
  ["c:..\\x", "! outside"],
  ["\\Windows\\win.ini", "! outside"],
  ["..\\..\\x", "! outside"],
  ["\\\\server\\share\\a.ts", "! outside"],
  ["//server/share", "! outside"],
  ["\\\\?\\C:\\Users\\me\\app\\a.ts", "! outside"],
  ["\\\\.\\pipe\\x", "! outside"],
  ["a.ts:stream", "! outside"],
  ["src/a.ts:stream", "! input"],
  ["src/.env::$DATA", "! input"],
  [".env.", "! input"],
  [".env ", "! input"],
  [".git. /config", "! input"],
  ["src/NUL", "! input"],
  ["con.txt", "! input"],
  ["COM1", "! input"],
  ["console.ts", "console.ts"],
  [".GIT\\hooks\\x", "! protected"],
];

test("on Windows drives, shares, streams, devices and blanks at the end lead nowhere", () => {
  for (const [text, expected] of onWindows) assert.equal(readOn(win32, text), expected, JSON.stringify(text));
});

const pieces = [
  ..."..,.,...,/,\\,//,\\\\,~,%2e,%2f,C:,c:,file:,\\\\?\\,a,src,.git,.GIT,.env,app,app2,home,me,/home/me/app,NUL,:,*".split(
    ",",
  ),
  "c:\\Users\\me\\app",
  "\u0000",
  "\u200d",
  "\u{1f600}",
  " ",
  "",
];

test("whatever a path is made of, it leads into the folder and to nothing protected", () => {
  const random = createRandom(7);
  let inside = 0;
  for (let round = 0; round < 40_000; round++) {
    const parts = Array.from({ length: 1 + random(9) }, () => pieces[random(pieces.length)]!);
    const text = parts.join(random(2) === 0 ? "/" : "");
    for (const style of [posix, win32]) {
      const [{ root } = { root: "" }] = style === posix ? unix : windows;
      let named;
      try {
        named = readPath(text, style === posix ? unix : windows, style);
      } catch (error) {
        assert.ok(error instanceof ToolError, text);
        continue;
      }
      inside++;
      const relative = style.relative(root, named.file);
      assert.ok(!style.isAbsolute(relative) && relative.split(style.sep)[0] !== "..", `${text} is ${named.file}`);
      assert.doesNotMatch(named.relative, /(?:^|\/)\.git(?:\/|$)|(?:^|\/)\.env$|\p{Cc}|\p{Cf}/iu, text);
      assert.equal(style.resolve(named.file), named.file, "nothing is left to resolve");
    }
  }
  assert.ok(inside > 1000, `${inside} of the paths are fine, so refusing everything would not pass`);
});

test("with several folders a path begins with a folder's name, and none leads into another by accident", () => {
  const folders = [
    { name: "app", root: "/home/me/app" },
    { name: "lib", root: "/home/me/app/lib" },
  ];
  assert.equal(readPath("lib/a.ts", folders, posix).file, "/home/me/app/lib/a.ts");
  assert.equal(readPath("app/src/a.ts", folders, posix).file, "/home/me/app/src/a.ts");
  assert.equal(readPath("/home/me/app/lib/a.ts", folders, posix).folder.name, "lib");
  assert.throws(() => readPath("src/a.ts", folders, posix), /app, lib/);
  assert.throws(() => readPath("lib/../../x", folders, posix), isKind("outside"));
  assert.throws(() => readPath("a.ts", [], posix), isKind("unavailable"));
});

test("links are followed: inside is fine, outside is refused, also above a file that is not there yet", async () => {
  await using workspace = await createWorkspace();
  const { root, base } = workspace;
  const folders = [{ name: "workspace", root }];
  const outside = path.join(base, "outside");
  await writeFile(path.join(outside, "far.txt"), "far");
  await workspace.write("src/a.ts", "a");
  await workspace.write(".env", "KEY=1");
  await workspace.write(".git/config", "[core]");
  await workspace.link("src/a.ts", "near.ts");
  await workspace.link("src", "sources");
  await workspace.link(path.join(outside, "far.txt"), "far.txt");
  await workspace.link(outside, "away");
  await workspace.link("../outside", "src/away");
  await workspace.link(".env", "notes.txt");
  await workspace.link(".git", "history");
  await workspace.link(path.join(outside, "not-yet.txt"), "dangling.txt");
  await workspace.link("loop", "loop");

  const near = await resolvePath("near.ts", folders);
  assert.deepEqual([near.relative, near.realRelative, near.exists], ["near.ts", "src/a.ts", true]);
  assert.equal((await resolvePath("sources/a.ts", folders)).realRelative, "src/a.ts");
  const fresh = await resolvePath("sources/deep/new.ts", folders);
  assert.deepEqual([fresh.realRelative, fresh.exists], ["src/deep/new.ts", false]);

  for (const text of ["far.txt", "away/far.txt", "away/new.txt", "away/deep/new.txt", "src/away/far.txt", "src/away"]) {
    await assert.rejects(resolvePath(text, folders), isKind("outside"), text);
  }
  await assert.rejects(resolvePath("dangling.txt", folders), isKind("outside"), "a link that leads nowhere yet");
  await assert.rejects(resolvePath("notes.txt", folders), isKind("secret"));
  await assert.rejects(resolvePath("history/config", folders), isKind("protected"));
  await assert.rejects(resolvePath("loop", folders), isKind("not-found"));
  await assert.rejects(resolvePath("src/a.ts/x", folders), isKind("not-found"));
  await assert.rejects(resolvePath(`${"x".repeat(300)}.ts`, folders), isKind("not-found"));
});

test("a folder that is itself reached by a link works, by its own name and by where it leads", async () => {
  await using workspace = await createWorkspace();
  await workspace.write("src/a.ts", "a");
  const alias = path.join(workspace.base, "alias");
  await symlink(workspace.root, alias);
  const folders = [{ name: "alias", root: alias }];
  assert.equal((await resolvePath("src/a.ts", folders)).realFile, path.join(workspace.root, "src/a.ts"));
  await assert.rejects(resolvePath("../outside/x", folders), isKind("outside"));
});

test("a link from one open folder into another stays in the workspace", async () => {
  await using workspace = await createWorkspace();
  const second = path.join(workspace.base, "second");
  await mkdir(second);
  await workspace.link(second, "other");
  const folders = [
    { name: "workspace", root: workspace.root },
    { name: "second", root: second },
  ];
  assert.equal((await resolvePath("workspace/other/new.ts", folders)).realRelative, "new.ts");
});

test("paths made at random never leave the folder on a disk full of links", async () => {
  await using workspace = await createWorkspace();
  const { root, base } = workspace;
  await writeFile(path.join(base, "outside", "far.txt"), "far");
  await workspace.write("src/deep/a.ts", "a");
  await workspace.link("..", "src/up");
  await workspace.link("../..", "src/deep/top");
  await workspace.link(path.join(base, "outside"), "away");
  await workspace.link("../../..", "src/deep/out");
  await workspace.link("src/deep", "deep");
  const names = [
    "src",
    "deep",
    "up",
    "top",
    "out",
    "away",
    "a.ts",
    "far.txt",
    "outside",
    "workspace",
    "..",
    ".",
    "new",
  ];
  const folders = [{ name: "workspace", root }];
  const random = createRandom(11);
  let inside = 0;
  for (let round = 0; round < 700; round++) {
    const text = Array.from({ length: 1 + random(6) }, () => names[random(names.length)]!).join("/");
    const place = await resolvePath(text, folders).catch((error: unknown) => {
      assert.ok(error instanceof ToolError, text);
      return undefined;
    });
    if (!place) continue;
    inside++;
    const real = place.exists ? await realpath(place.file) : await realpath(path.dirname(place.file)).catch(() => root);
    assert.ok(real === root || real.startsWith(`${root}${path.sep}`), `${text} leads to ${real}`);
  }
  assert.ok(inside > 50, String(inside));
});
