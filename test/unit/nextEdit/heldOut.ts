import type { Scenario } from "./scenarios.ts";

/** Written after the rules were, from usual refactorings, and never used to change them. */
export const heldOut: readonly Scenario[] = [
  {
    name: "a helper gets another name where it is defined",
    languageId: "python",
    text: `def ⟦parse_line⇒parse_record⟧(line):
    return line.split(",")


def read(path):
    with open(path) as file:
        return [⟪parse_line⇒parse_record⟫(line) for line in file]
`,
  },
  {
    name: "a test framework's call is exchanged",
    languageId: "typescript",
    text: `test("adds", () => {
  ⟦assert.equal⇒assert.strictEqual⟧(add(1, 2), 3);
  ⟪assert.equal⇒assert.strictEqual⟫(add(2, 2), 4);
});
`,
  },
  {
    name: "an option is added to the second call of a kind",
    languageId: "javascript",
    text: `const users = await load("users"⟦⇒, options⟧);
const orders = await load("orders"⟪⇒, options⟫);
const shops = await load("shops", options);
`,
  },
  {
    name: "loose comparisons become strict, the second time by hand as well",
    languageId: "javascript",
    text: `function kindOf(value) {
  if (value ⟦==⇒===⟧ null) return "none";
  if (value ⟦==⇒===⟧ 0) return "zero";
  if (value ⟪==⇒===⟫ 1) return "one";
  return "many";
}
`,
  },
  {
    name: "an import path moves",
    languageId: "typescript",
    text: `import { a } from "../⟦helpers⇒shared⟧/a";
import { b } from "../⟪helpers⇒shared⟫/b";
import { c } from "../other/c";
`,
  },
  {
    name: "a struct's field is renamed at a use through self",
    languageId: "rust",
    text: `impl Timer {
    fn start(&mut self) {
        self.⟦t⇒started_at⟧ = now();
    }
    fn stop(&mut self) -> u64 {
        now() - self.⟪t⇒started_at⟫
    }
}
`,
  },
  {
    name: "a service gets a restart rule like the one above",
    languageId: "yaml",
    text: `services:
  web:
    image: shop/web
⟦⇒    restart: always
⟧    networks: [shop]
  worker:
    image: shop/worker
    networks: [shop]
`,
  },
  {
    name: "a component's tag is closed by its new name",
    languageId: "typescriptreact",
    text: `export const Page = () => (
  <⟦Box⇒Card⟧ wide>
    <Title>Hello</Title>
  </⟪Box⇒Card⟫>
);
`,
  },
  {
    name: "an error gets context in one place",
    languageId: "go",
    text: `func save(path string) error {
	if err := write(path); err != nil {
		return ⟦err⇒fmt.Errorf("save: %w", err)⟧
	}
	if err := sync(path); err != nil {
		return err
	}
	return nil
}
`,
  },
  {
    name: "a condition is turned round",
    languageId: "typescript",
    text: `if (⟦⇒!⟧ready) wait();
if (ready) start();
log(ready);
`,
  },
  {
    name: "one attribute's text changes",
    languageId: "html",
    text: `<img src="a.png" alt="⟦A dog⇒A sleeping dog⟧">
<img src="b.png" alt="A cat">
<img src="c.png" alt="A bird">
`,
  },
  {
    name: "one call gets a time limit of its own",
    languageId: "python",
    text: `first = requests.get(url⟦⇒, timeout="5s"⟧)
second = requests.get(other)
third = requests.post(url)
`,
  },
];
