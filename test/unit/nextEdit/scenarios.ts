/**
 * What somebody did in a document and what they do next, in one text: `⟦old⇒new⟧` is an edit made by hand, in the order
 * of the text; `⟪old⇒new⟫` is the one edit that is expected to be offered then. Without `⟪⟫` nothing may be offered.
 */
export type Scenario = {
  readonly name: string;
  readonly languageId: string;
  readonly text: string;
};

/** Written before the rules were, from what people do by hand. */
export const scenarios: readonly Scenario[] = [
  {
    name: "a local variable is renamed where it is declared",
    languageId: "typescript",
    text: `export const total = (orders: Order[]) => {
  let ⟦s⇒sumCents⟧ = 0;
  for (const order of orders) {
    ⟪s⇒sumCents⟫ += order.cents;
  }
  return s;
};
`,
  },
  {
    name: "a parameter is renamed in the function's head",
    languageId: "python",
    text: `def send(addr, body):
    check(body)
    smtp.connect(addr)


def receive(⟦addr⇒mailbox⟧, limit):
    if not ⟪addr⇒mailbox⟫:
        return []
    return fetch(addr, limit)
`,
  },
  {
    name: "a call becomes awaited",
    languageId: "typescript",
    text: `async function load(ids: string[]) {
  const first = ⟦⇒await ⟧fetchUser(ids[0]);
  show(first);
  const second = ⟪⇒await ⟫fetchUser(ids[1]);
  return [first, second];
}
`,
  },
  {
    name: "a field gets its this",
    languageId: "typescript",
    text: `class Counter {
  private count = 0;
  increase() {
    ⟦⇒this.⟧count += 1;
  }
  decrease() {
    ⟪⇒this.⟫count -= 1;
  }
}
`,
  },
  {
    name: "an argument is added to a call",
    languageId: "go",
    text: `func run(ctx context.Context) error {
	user, err := store.Find(⟦⇒ctx, ⟧id)
	if err != nil {
		return err
	}
	other, err := store.Find(⟪⇒ctx, ⟫user.Friend)
	if err != nil {
		return err
	}
	return link(user, other)
}
`,
  },
  {
    name: "another logger is called",
    languageId: "typescript",
    text: `function start() {
  ⟦console.log⇒logger.info⟧("starting");
  open();
  ⟪console.log⇒logger.info⟫("started");
}
`,
  },
  {
    name: "an error is wrapped the same way at the same kind of place",
    languageId: "go",
    text: `func load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
⟦⇒		log.Printf("load: %v", err)
⟧		return nil, err
	}
	config, err := parse(data)
	if err != nil {
⟪⇒		log.Printf("load: %v", err)
⟫		return nil, err
	}
	return config, nil
}
`,
  },
  {
    name: "a second variable declared by var becomes const",
    languageId: "javascript",
    text: `⟦var⇒const⟧ fs = require("fs");
⟦var⇒const⟧ path = require("path");
⟪var⇒const⟫ os = require("os");
`,
  },
  {
    name: "a version of an interface in addresses",
    languageId: "typescript",
    text: `export const routes = {
  users: "/api/⟦v1⇒v2⟧/users",
  orders: "/api/⟪v1⇒v2⟫/orders",
  health: "/health",
};
`,
  },
  {
    name: "a runner's version in a workflow",
    languageId: "yaml",
    text: `jobs:
  build:
    runs-on: ubuntu-⟦20.04⇒24.04⟧
    steps:
      - run: make
  test:
    runs-on: ubuntu-⟪20.04⇒24.04⟫
    steps:
      - run: make test
`,
  },
  {
    name: "a line is added to each job",
    languageId: "yaml",
    text: `jobs:
  build:
    runs-on: ubuntu-latest
⟦⇒    timeout-minutes: 10
⟧    steps:
      - run: make
  test:
    runs-on: ubuntu-latest
⟪⇒    timeout-minutes: 10
⟫    steps:
      - run: make test
`,
  },
  {
    name: "two packages that go together get a new version",
    languageId: "json",
    text: `{
  "dependencies": {
    "left-pad": "1.3.0",
    "react": "⟦18.2.0⇒18.3.1⟧",
    "react-dom": "⟪18.2.0⇒18.3.1⟫"
  }
}
`,
  },
  {
    name: "a class name in markup",
    languageId: "html",
    text: `<nav>
  <a class="⟦btn⇒button⟧" href="/">Home</a>
  <a class="⟪btn⇒button⟫" href="/shop">Shop</a>
</nav>
`,
  },
  {
    name: "a tag's end follows its beginning",
    languageId: "html",
    text: `<body>
  <⟦div⇒section⟧ class="intro">
    <div>Hello</div>
  </⟪div⇒section⟫>
  <div>Other</div>
</body>
`,
  },
  {
    name: "a method of a value is renamed at its calls",
    languageId: "rust",
    text: `fn fill(list: &mut List) {
    list.⟦add⇒push_back⟧(1);
    log(1);
    list.⟪add⇒push_back⟫(2);
    other.add(3);
}
`,
  },
  {
    name: "unwrap becomes expect on the second kind of call as well",
    languageId: "rust",
    text: `fn main() {
    let host = env::var("HOST").⟦unwrap()⇒expect("set in the unit file")⟧;
    let port = env::var("PORT").⟦unwrap()⇒expect("set in the unit file")⟧;
    let user = env::var("USER").⟪unwrap()⇒expect("set in the unit file")⟫;
    run(host, port, user);
}
`,
  },
  {
    name: "a type that was renamed is used below",
    languageId: "typescript",
    text: `export type ⟦Item⇒LineItem⟧ = { sku: string; count: number };

export const countOf = (item: ⟪Item⇒LineItem⟫): number => item.count;

export const skuOf = (item: Item): string => item.sku;
`,
  },
  {
    name: "debug output is taken out line by line",
    languageId: "python",
    text: `def solve(rows):
⟦    print("rows", rows)
⇒⟧    best = pick(rows)
⟦    print("best", best)
⇒⟧    for row in rows:
        score(row)
⟪        print("row", row)
⇒⟫    return best
`,
  },
  {
    name: "a value that may be missing is reached safely",
    languageId: "typescript",
    text: `export function describe(user?: User) {
  const name = user⟦⇒?⟧.name;
  const mail = user⟪⇒?⟫.mail;
  return name + mail;
}
`,
  },
  {
    name: "the declaration above is found after a use was renamed",
    languageId: "go",
    text: `func sum(values []int) int {
	⟪t⇒total⟫ := 0
	for _, value := range values {
		t += value
	}
	return ⟦t⇒total⟧
}
`,
  },
  // From here on nothing may be offered.
  {
    name: "one of two operands is exchanged: a mistake is corrected",
    languageId: "typescript",
    text: `const width = right - left;
const middle = ⟦right⇒left⟧ + width / 2;
const end = right + margin;
`,
  },
  {
    name: "a truth value is changed in one of several lines",
    languageId: "typescript",
    text: `function isOpen(door: Door) {
  if (door.locked) return ⟦false⇒true⟧;
  if (door.broken) return false;
  return false;
}
`,
  },
  {
    name: "one number of many is changed",
    languageId: "python",
    text: `RETRIES = ⟦3⇒5⟧
WORKERS = 3
DEPTH = 3
`,
  },
  {
    name: "a local name of another function is another name",
    languageId: "typescript",
    text: `function first(items: string[]) {
  return items[0];
}

function last(⟦items⇒entries⟧: string[]) {
  return 1;
}

function middle(items: string[]) {
  return items[items.length >> 1];
}
`,
  },
  {
    name: "a new function is written",
    languageId: "typescript",
    text: `export const add = (a: number, b: number) => a + b;
⟦⇒export const subtract = (a: number, b: number) => a - b;
⟧export const multiply = (a: number, b: number) => a * b;
`,
  },
  {
    name: "the type of one field changes",
    languageId: "typescript",
    text: `type Order = {
  id: ⟦string⇒number⟧;
  customer: string;
  note: string;
};
`,
  },
  {
    name: "a field of the same name of another value stays",
    languageId: "typescript",
    text: `const label = user.⟦name⇒fullName⟧;
const product = catalogue[0];
const title = product.name;
`,
  },
  {
    name: "words of a comment are written anew",
    languageId: "rust",
    text: `// Reads the ⟦file⇒settings⟧ once.
fn read(file: &Path) -> String {
    // The file is small.
    fs::read_to_string(file).unwrap()
}
`,
  },
  {
    name: "a line that stood there twice by mistake is deleted once",
    languageId: "python",
    text: `def close(connection):
    connection.flush()
⟦    connection.flush()
⇒⟧    connection.close()
`,
  },
  {
    name: "one entry is put into a list of data",
    languageId: "json",
    text: `{
  "files": [
    "src",
⟦⇒    "docs",
⟧    "media"
  ],
  "ignore": [
    "dist",
    "media"
  ]
}
`,
  },
  {
    name: "a paragraph's text is corrected",
    languageId: "html",
    text: `<p>We ⟦has⇒have⟧ three shops.</p>
<p>Each has a garden.</p>
<p>One has a roof.</p>
`,
  },
];
