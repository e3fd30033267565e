import { testGolden } from "./goldenCase.ts";

testGolden("python", [
  ["keeps floor division", "a = (‸\n", "b // c)", "a = (⟦b // c)⟧\n"],
  ["keeps a comment behind code", "x = 1‸\n", "  # it's (one", "x = 1⟦  # it's (one⟧\n"],
  ["keeps a docstring", "def f():\n    ‸\n", '"""Adds (a and b)."""', 'def f():\n    ⟦"""Adds (a and b)."""⟧\n'],
  [
    "keeps lines of a string at column 0",
    '    sql = """‸\n',
    '\nSELECT *\nFROM t\n"""',
    '    sql = """⟦\nSELECT *\nFROM t\n"""⟧\n',
  ],
  [
    "keeps a nested block",
    "def f(a):‸\n",
    "\n    if a:\n        return 1\n    return 2",
    "def f(a):⟦\n    if a:\n        return 1\n    return 2⟧\n",
  ],
  ["keeps a decorator", "‸\ndef f(): pass\n", "@cache", "⟦@cache⟧\ndef f(): pass\n"],
  ["keeps a string in a string's place", "print(‸)\n", 'f"{a}"', 'print(⟦f"{a}"⟧)\n'],
  ["keeps a slice", "a[‸]\n", "1:2", "a[⟦1:2⟧]\n"],
  ["keeps the colon that is there", "def f(‸):\n", "self) -> int", "def f(⟦self) -> int⟧~)~:\n"],
  ["cuts at a line that leaves the block", "    if a:‸\n", "\n        b()\nc()", "    if a:⟦\n        b()⟧\n"],
  ["cuts closer and colon", "def f(‸):\n", "a, b):", "def f(⟦a, b⟧):\n"],
  ["overwrites closer and colon", "def f(‸):\n", "a) -> int:", "def f(⟦a) -> int:⟧~):~\n"],
  ["shows nothing for an empty comment", "‸\n", "#", undefined],
  ["shows nothing for the comment above", "# Adds a.\n‸\n", "# Adds a.\n", undefined],
  [
    "cuts the next statement's copy",
    "    a = 1\n    ‸\n    return a\n",
    "b = 2\n    return a",
    "    a = 1\n    ⟦b = 2⟧\n    return a\n",
  ],
  ["drops thinking", "a = ‸\n", "<thinking>hm</thinking>1", "a = ⟦1⟧\n"],
  ["shows nothing for an unclosed thought", "a = ‸\n", "<thinking>hm", undefined],
  ["takes the text out of a fence", "‸\n", "```python\na = 1\n```", "⟦a = 1⟧\n"],
]);

testGolden("yaml", [
  ["keeps a list", "items:‸\n", "\n  - a\n  - b", "items:⟦\n  - a\n  - b⟧\n"],
  ["keeps an address", "url: ‸\n", "http://a.b/(c)", "url: ⟦http://a.b/(c)⟧\n"],
  ["keeps an apostrophe", "note: ‸\n", "it's [open", "note: ⟦it's [open⟧\n"],
  ["keeps a flow map's brackets", "a: ‸\n", "{ b: [1, 2] }", "a: ⟦{ b: [1, 2] }⟧\n"],
  ["keeps a nested sequence", "- ‸\n", "- a", "- ⟦- a⟧\n"],
  ["cuts at a line that leaves the map", "a:\n  b: 1‸\n", "\n  c: 2\nd: 3", "a:\n  b: 1⟦\n  c: 2⟧\n"],
  ["cuts the next key's copy", "a: 1\n‸\nlast: 3\n", "b: 2\nlast: 3", "a: 1\n⟦b: 2⟧\nlast: 3\n"],
  ["cuts the bracket there", "a: [‸]\n", "1, 2]", "a: [⟦1, 2⟧]\n"],
]);

testGolden("markdown", [
  ["keeps a fence", "‸\n", "```sh\nls\n```", "⟦```sh\nls\n```⟧\n"],
  ["keeps a smiley", "Nice ‸\n", ":)", "Nice ⟦:)⟧\n"],
  [
    "keeps a table's ruler",
    "| a | b |\n‸\n",
    "| --- | --- | --- | --- | --- | --- |",
    "| a | b |\n⟦| --- | --- | --- | --- | --- | --- |⟧\n",
  ],
  ["keeps a numbered item", "‸\n", "1) first", "⟦1) first⟧\n"],
  ["keeps a link", "See ‸.\n", "[a](http://b)", "See ⟦[a](http://b)⟧.\n"],
  ["keeps an HTML tag", "‸\n", "<s>old</s>", "⟦<s>old</s>⟧\n"],
  ["keeps a heading", "‸\n", "## It's (new)", "⟦## It's (new)⟧\n"],
  ["cuts the link's bracket", "See [a](‸)\n", "b.md)", "See [a](⟦b.md⟧)\n"],
  ["cuts the rest of the sentence", "The ‸ jumps.\n", "fox jumps.", "The ⟦fox⟧ jumps.\n"],
  ["cuts at a special token", "The ‸\n", "fox<|im_end|>", "The ⟦fox⟧\n"],
]);

testGolden("python", [
  [
    "goes on with the other branch",
    "    if a:\n        b()‸\n",
    "\n    else:\n        c()\n    d()",
    "    if a:\n        b()⟦\n    else:\n        c()⟧\n",
  ],
  [
    "goes on behind a block that a jump has ended",
    "    for a in b:\n        if a:\n            continue‸\n",
    "\n        c(a)\n    d()",
    "    for a in b:\n        if a:\n            continue⟦\n        c(a)⟧\n",
  ],
  [
    "shows no further function behind a return",
    "    def f(self):\n        return 1‸\n",
    "\n    def g(self):",
    undefined,
  ],
  [
    "goes on behind blank lines, which end the block",
    "class A:\n    a = 1‸\n",
    "\n\n\nclass B:",
    "class A:\n    a = 1⟦\n\n\nclass B:⟧\n",
  ],
  ["shows no dedented line without one", "if a:\n    b = 1‸\n", "\nc = 2", undefined],
]);
