import { testGolden } from "./goldenCase.ts";

testGolden("typescript", [
  ["keeps a generic's own angle", "const m: Map<string, ‸>\n", "Set<number>", "const m: Map<string, ⟦Set<number>⟧>\n"],
  ["keeps a string with a bracket", 'log("‸")\n', "smile :)", 'log("⟦smile :)⟧")\n'],
  [
    "keeps the closer of a bracket on the cursor's line, whatever is closed below",
    "function f() {\n  const a = {‸\n  b();\n  }\n}\n",
    "};",
    "function f() {\n  const a = {⟦};⟧\n  b();\n  }\n}\n",
  ],
  ["cuts the closer of a bracket that goes on below", "const a = {‸\n  b: 1,\n};\n", "};", undefined],
  ["keeps an arrow function", "items.map(‸)\n", "(x) => x.id", "items.map(⟦(x) => x.id⟧)\n"],
  ["keeps a token in quotes", "const stops = ‸\n", '["<|endoftext|>"];', 'const stops = ⟦["<|endoftext|>"];⟧\n'],
  [
    "keeps a closing thinking tag in quotes",
    "const i = ‸\n",
    'text.indexOf("</think>");',
    'const i = ⟦text.indexOf("</think>");⟧\n',
  ],
  [
    "keeps a ruler",
    "// ‸\n",
    "----------------------------------------",
    "// ⟦----------------------------------------⟧\n",
  ],
  [
    "keeps a row of zeros",
    "const a = [‸\n",
    "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];",
    "const a = [⟦0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];⟧\n",
  ],
  ["keeps a comment", "// Adds ‸\n", "two numbers (or more)", "// Adds ⟦two numbers (or more)⟧\n"],
  ["keeps a regular expression", "const r = ‸\n", "/\\(/.test(a);", "const r = ⟦/\\(/.test(a);⟧\n"],
  ["keeps an emoji before a quote", 'say("‸");\n', "hi 👩‍🚀", 'say("⟦hi 👩‍🚀⟧");\n'],
  ["keeps a generic call's brackets", "foo(‸);\n", "bar(baz())", "foo(⟦bar(baz())⟧);\n"],
  ["keeps a nested object", "const a = {‸}\n", " b: { c: 1 } ", "const a = {⟦ b: { c: 1 } ⟧}\n"],
  ["keeps the rest of a word", "con‸\n", "sole.log(1);", "con⟦sole.log(1);⟧\n"],
  ["keeps the space before the line's next word", "const ‸= 5;\n", "value ", "const ⟦value ⟧= 5;\n"],
  ["keeps the separator behind the cursor", "[\n  a‸,\n]\n", ", b", "[\n  a⟦, b⟧,\n]\n"],
  [
    "keeps a block with else",
    "if (a) {‸\n",
    "\n  b();\n} else {\n  c();\n}",
    "if (a) {⟦\n  b();\n} else {\n  c();\n}⟧\n",
  ],
  ["keeps a call's own bracket behind a template", "x = `${‸}`;\n", "name", "x = `${⟦name⟧}`;\n"],
  [
    "keeps the closing lines that the document lacks",
    "function f() {\n  a();‸",
    "\n  b();\n}",
    "function f() {\n  a();⟦\n  b();\n}⟧",
  ],
  ["overwrites only the bracket that the text closes", "foo(bar(‸))\n", "x).y", "foo(bar(⟦x).y⟧~)~)\n"],
  ["overwrites both brackets that the text closes", "foo(bar(‸))\n", "x).y)", "foo(bar(⟦x).y)⟧~))~\n"],
  ["keeps the semicolon behind the overwritten bracket", "foo(‸);\n", "a).then(b)", "foo(⟦a).then(b)⟧~)~;\n"],
  ["overwrites a quote that the text closes", 'const a = "‸"\n', 'a" + b', 'const a = "⟦a" + b⟧~"~\n'],
  [
    "goes on behind the end of a comment, which stands a column further in",
    "/**\n * Adds.\n */‸\n",
    "\nexport const add = 1;",
    "/**\n * Adds.\n */⟦\nexport const add = 1;⟧\n",
  ],
  ["ends before a closer when the line goes on", "if (‸) {\n", "ready) return;", "if (⟦ready⟧) {\n"],
  [
    "overwrites a rest that the text has too",
    "const a = ‸ + offset;\n",
    "base + offset * 2;",
    "const a = ⟦base + offset * 2;⟧~ + offset;~\n",
  ],
  ["shows nothing for an empty comment", "‸\n", "//", undefined],
  ["cuts an empty comment off the end", "a();‸\n", "\nb();\n//", "a();⟦\nb();⟧\n"],
  ["shows nothing for the comment above", "// Adds a.\n‸\n", "// Adds a.", undefined],
  ["cuts a group of lines that loops", "‸\n", "a();\nb();\na();\nb();\na();\nb();\na();", "⟦a();\nb();⟧\n"],
  [
    "cuts several lines below across a closer",
    "if (x) {‸\n}\nnext();\n",
    "\n  run();\n}\nnext();",
    "if (x) {⟦\n  run();⟧\n}\nnext();\n",
  ],
  ["cuts lines below with a blank one between", "‸\nc();\n\nd();\n", "b();\nc();\nd();", "⟦b();⟧\nc();\n\nd();\n"],
  ["cuts a cut-off copy of the next line", "‸\nlonger(call);\n", "b();\nlonger(", "⟦b();⟧\nlonger(call);\n"],
  [
    "keeps a branch that leaves its brace open",
    "if (a) {\n  b();\n‸\n}\n",
    "} else {\n  c();",
    "if (a) {\n  b();\n⟦} else {\n  c();⟧\n}\n",
  ],
  ["cuts a fence at the end", "‸\n", "run();\n```\nThis runs.", "⟦run();⟧\n"],
  ["shows nothing while only a fence is there", "‸\n", "```ts", undefined],
  ["takes the text behind the middle token", "a = ‸\n", "<|fim_middle|>1;", "a = ⟦1;⟧\n"],
  ["takes the text behind a lone closing thinking tag", "‸\n", "hm\n</think>\n\nlet a;", "⟦let a;⟧\n"],
  ["takes the text out of a fence behind a sentence", "‸\n", "Here is the code:\n```ts\nlet a;\n```", "⟦let a;⟧\n"],
]);

testGolden("go", [
  [
    "keeps a block in tabs",
    "func f() {\n\tif ok {‸\n\t}\n}\n",
    "\n\t\trun()\n\t\tstop()",
    "func f() {\n\tif ok {⟦\n\t\trun()\n\t\tstop()⟧\n\t}\n}\n",
  ],
  [
    "keeps an error check",
    "\tif err‸\n",
    " != nil {\n\t\treturn err\n\t}",
    "\tif err⟦ != nil {\n\t\treturn err\n\t}⟧\n",
  ],
  ["keeps a raw string with a bracket", "s := ‸\n", "`(`", "s := ⟦`(`⟧\n"],
  ["keeps a channel receive", "v := ‸\n", "<-ch", "v := ⟦<-ch⟧\n"],
  ["keeps tabs where the cursor's line has spaces", "    if ok {‸\n", "\n\t\trun()", "    if ok {⟦\n\t\trun()⟧\n"],
  [
    "cuts at the next function",
    "\tif ok {‸\n\t}\n}\n",
    "\n\t\trun()\n\t}\n}\nfunc g() {}",
    "\tif ok {⟦\n\t\trun()⟧\n\t}\n}\n",
  ],
  [
    "keeps a closer on a line as far out as its opener",
    "func f() {\n\tif a {\n\t\treturn\n\t‸\n\t\tb()\n\t}\n}\n",
    "}\n\tc()",
    "func f() {\n\tif a {\n\t\treturn\n\t⟦}\n\tc()⟧\n\t\tb()\n\t}\n}\n",
  ],
  [
    "keeps a closer below its block when another one follows",
    "func f() {\n\tif a {\n\t\treturn‸\n\tif b {\n\t}\n}\n}\n",
    "\n\t}",
    "func f() {\n\tif a {\n\t\treturn⟦\n\t}⟧\n\tif b {\n\t}\n}\n}\n",
  ],
  [
    "keeps a closer that stands where its block began, also while the block goes on below",
    "func f() {\n\tif a {\n\t\tb()‸\n\t\tc()\n\t}\n}\n",
    "\n\t}\n\tif d {",
    "func f() {\n\tif a {\n\t\tb()⟦\n\t}⟧\n\t\tc()\n\t}\n}\n",
  ],
  [
    "cuts a closer that stands elsewhere while the block goes on",
    "func f() {\n\tif a {\n\t\tb()‸\n\t\tc()\n\t}\n}\n",
    "\n}\nd()",
    undefined,
  ],
  ["cuts a closer above the same one", "func f() {\n\tif a {\n\t\tb()\n\t‸\n\t}\n}\n", "}", undefined],
  ["cuts the closer there", "fmt.Println(‸)\n", "a, b)", "fmt.Println(⟦a, b⟧)\n"],
  ["cuts the brace behind the cursor", "x := T{‸}\n", "A: 1}", "x := T{⟦A: 1⟧}\n"],
  [
    "cuts CRLF copies of lines below",
    "a()\r\n‸\r\nreturn nil\r\n",
    "b()\r\nreturn nil",
    "a()\r\n⟦b()⟧\r\nreturn nil\r\n",
  ],
  ["cuts a loop of lines", "‸\n", "run()\nrun()\nrun()\nrun()", "⟦run()⟧\n"],
]);

testGolden("rust", [
  ["keeps lifetimes", "fn f<‸>(x: u8) {}\n", "'a, 'b", "fn f<⟦'a, 'b⟧>(x: u8) {}\n"],
  ["keeps a closer behind a lifetime", "fn f<'a>(‸\n", "x: &'a str) {", "fn f<'a>(⟦x: &'a str) {⟧\n"],
  ["keeps a closure", "let n = v.iter().map(‸).sum();\n", "|x| x + 1", "let n = v.iter().map(⟦|x| x + 1⟧).sum();\n"],
  ["keeps a bracket as character", "let c = ‸\n", "'(';", "let c = ⟦'(';⟧\n"],
  ["keeps nested generics", "let v: Vec<‸>\n", "Option<u8>", "let v: Vec<⟦Option<u8>⟧>\n"],
  ["keeps an attribute", "‸\nstruct A;\n", "#[derive(Debug)]", "⟦#[derive(Debug)]⟧\nstruct A;\n"],
  ["cuts a generic's closer", "let v: Vec<‸>\n", "u8>", "let v: Vec<⟦u8⟧>\n"],
  ["cuts the macro's closer", 'println!("‸");\n', '{}", a);', 'println!("⟦{}", a);⟧~");~\n'],
  ["cuts a surplus brace", "fn f() {\n    a();‸\n}\n", "\n    b();\n}\n}", "fn f() {\n    a();⟦\n    b();⟧\n}\n"],
  ["cuts at a token of DeepSeek's", "let a = ‸\n", "1;<｜fim▁end｜>", "let a = ⟦1;⟧\n"],
]);

testGolden("java", [
  ["keeps an annotation", "‸\nvoid a() {}\n", "@Override", "⟦@Override⟧\nvoid a() {}\n"],
  ["keeps a type named like a token", "‸\n", "List<PRE> all;", "⟦List<PRE> all;⟧\n"],
  ["keeps a cast", "int a = ‸;\n", "(int) b", "int a = ⟦(int) b⟧;\n"],
  ["keeps a method's block", "    void a() {‸\n    }\n", "\n        b();", "    void a() {⟦\n        b();⟧\n    }\n"],
  ["cuts the closers there", "foo(bar(‸));\n", "x));", "foo(bar(⟦x⟧));\n"],
  [
    "cuts at the class's end",
    "    void a() {‸\n    }\n}\n",
    "\n        b();\n    }\n}\nclass B {}",
    "    void a() {⟦\n        b();⟧\n    }\n}\n",
  ],
  ["overwrites to open a block", "while (‸)\n", "i < n) {", "while (⟦i < n) {⟧~)~\n"],
  ["cuts the quote there", 'String s = "‸";\n', 'hello";', 'String s = "⟦hello⟧";\n'],
]);

testGolden("c", [
  [
    "keeps a directive in a block",
    "    a();‸\n",
    "\n#ifdef X\n    b();\n#endif",
    "    a();⟦\n#ifdef X\n    b();\n#endif⟧\n",
  ],
  ["keeps an include", "#include ‸\n", "<stdio.h>", "#include ⟦<stdio.h>⟧\n"],
  [
    "keeps a macro",
    "#define MAX(a, b) ‸\n",
    "((a) > (b) ? (a) : (b))",
    "#define MAX(a, b) ⟦((a) > (b) ? (a) : (b))⟧\n",
  ],
  ["keeps a pointer member", "p‸\n", "->next = q;", "p⟦->next = q;⟧\n"],
  [
    "keeps rows of numbers",
    "int m[] = {‸\n",
    "\n  0, 0,\n  0, 0,\n  0, 0,\n  0, 0,\n};",
    "int m[] = {⟦\n  0, 0,\n  0, 0,\n  0, 0,\n  0, 0,\n};⟧\n",
  ],
  ["keeps an index named like a token", "x = a‸;\n", "[PREFIX]", "x = a⟦[PREFIX]⟧;\n"],
  ["cuts the bracket there", "a[‸] = 1;\n", "i]", "a[⟦i⟧] = 1;\n"],
  ["cuts at the end mark", "x = ‸\n", "1;</s>", "x = ⟦1;⟧\n"],
  ["cuts the tail of the line", "for (int i = 0; ‸; i++) {\n", "i < n; i++) {", "for (int i = 0; ⟦i < n⟧; i++) {\n"],
]);

testGolden("shellscript", [
  ["cuts at a closer that stands below", "f() {\n  a‸\n}\n", "\n  b\n}\n  c", "f() {\n  a⟦\n  b⟧\n}\n"],
]);

testGolden("typescript", [
  [
    "goes on in a function whose parameters took several lines",
    "f(\n    a: A,\n    b: B) {‸\n",
    "\n  g(a);\n  h(b);",
    "f(\n    a: A,\n    b: B) {⟦\n  g(a);\n  h(b);⟧\n",
  ],
  [
    "goes on behind a statement of several lines",
    "function f() {\n  const a = b\n    ? c\n    : d‸\n}\n",
    "\n  g(a);",
    "function f() {\n  const a = b\n    ? c\n    : d⟦\n  g(a);⟧\n}\n",
  ],
  [
    "goes on behind a body without brackets",
    "function f() {\n  for (const a of b)\n    g(a);‸\n}\n",
    "\n  h(b);",
    "function f() {\n  for (const a of b)\n    g(a);⟦\n  h(b);⟧\n}\n",
  ],
  [
    "goes on behind a call that the text closes",
    "function f() {\n  g(\n    a,\n    b‸\n}\n",
    ");\n  h(b);",
    "function f() {\n  g(\n    a,\n    b⟦);\n  h(b);⟧\n}\n",
  ],
  [
    "goes on with the other branch when the block is closed below",
    "function f() {\n  if (a) {\n    b();‸\n  }\n}\n",
    "\n  } else {\n    c();\n  }\n}",
    "function f() {\n  if (a) {\n    b();⟦\n  } else {\n    c();⟧\n  }\n}\n",
  ],
  [
    "goes on with the other branch and closes it when nothing below does",
    "if (a) {\n  b();‸",
    "\n} catch (e) {\n  c();\n}\nd();",
    "if (a) {\n  b();⟦\n} catch (e) {\n  c();\n}⟧",
  ],
  [
    "cuts at a line that leaves the block and the one around it",
    "function f() {\n  if (a) {\n    b();‸\n  }\n}\n",
    "\n    c();\n  d();\ne();",
    "function f() {\n  if (a) {\n    b();⟦\n    c();⟧\n  }\n}\n",
  ],
  ["keeps tuples in a generic", "let a: ‸\n", "Map<[A, B], C>;", "let a: ⟦Map<[A, B], C>;⟧\n"],
  ["cuts at a token of Seed-Coder's", "let a = ‸\n", "1;<[fim-suffix]>", "let a = ⟦1;⟧\n"],
  ["cuts at Seed-Coder's end of an answer", "let a = ‸\n", "1;<[end▁of▁sentence]>b", "let a = ⟦1;⟧\n"],
]);

testGolden("go", [
  [
    "goes on with the next case",
    "\tswitch a {\n\tcase b:\n\t\treturn c‸\n\t}\n}\n",
    "\n\tdefault:\n\t\treturn d",
    "\tswitch a {\n\tcase b:\n\t\treturn c⟦\n\tdefault:\n\t\treturn d⟧\n\t}\n}\n",
  ],
  [
    "cuts at a line that stands as far out as the case",
    "\tswitch a {\n\tcase b:\n\t\tc()‸\n\t}\n}\n",
    "\n\t\td()\n\te()",
    "\tswitch a {\n\tcase b:\n\t\tc()⟦\n\t\td()⟧\n\t}\n}\n",
  ],
]);
