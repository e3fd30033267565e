import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const rootUrl = new URL("../../", import.meta.url);
const readText = (name: string) => readFileSync(new URL(name, rootUrl), "utf8");

type Manifest = {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, unknown>> }[];
    readonly walkthroughs: readonly { readonly steps: readonly { readonly media: { readonly image: string } }[] }[];
  };
};
const { contributes } = JSON.parse(readText("package.json")) as Manifest;
const texts = readText("package.nls.json");

const found = (pattern: RegExp): string[] => [...texts.matchAll(pattern)].map(([, name]) => name!);

test("every link to a command leads to one that is there", () => {
  const links = found(/\(command:(hotpath\.\w+)/g);
  const known = new Set(contributes.commands.map(({ command }) => command));
  assert.deepEqual(
    links.filter((name) => !known.has(name)),
    [],
  );
  assert.ok(links.length > 0);
});

test("every link to a setting leads to one that is there", () => {
  const links = found(/`#([\w.]+)#`/g);
  const known = new Set(contributes.configuration.flatMap(({ properties }) => Object.keys(properties)));
  assert.deepEqual(
    links.filter((name) => !known.has(name)),
    [],
  );
  assert.ok(links.length > 0);
});

test("every picture of the walkthrough is there", () => {
  const pictures = contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.image));
  assert.deepEqual(
    pictures.filter((name) => !existsSync(new URL(name, rootUrl))),
    [],
  );
});
