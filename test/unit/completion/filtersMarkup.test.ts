import { testGolden } from "./goldenCase.ts";

testGolden("html", [
  ["keeps a tag named like a token", "‸\n", "<PRE>a</PRE>", "⟦<PRE>a</PRE>⟧\n"],
  [
    "keeps empty cells",
    "<tr>‸\n</tr>\n",
    "\n  <td></td>\n  <td></td>\n  <td></td>",
    "<tr>⟦\n  <td></td>\n  <td></td>\n  <td></td>⟧\n</tr>\n",
  ],
  ["keeps a smiley in a string", '<a title="‸">\n', ":)", '<a title="⟦:)⟧">\n'],
  ["keeps the text's own tag end", "<div>\n‸\n</div>\n", "<div>\n</div>", "<div>\n⟦<div>\n</div>⟧\n</div>\n"],
  ["keeps an apostrophe", "<p>‸</p>\n", "it's (here)", "<p>⟦it's (here)⟧</p>\n"],
  ["keeps a struck-out text", "<p>‸</p>\n", "<s>a</s>", "<p>⟦<s>a</s>⟧</p>\n"],
  ["cuts the tag there", "<p>‸</p>\n", "hello</p>", "<p>⟦hello⟧</p>\n"],
  ["cuts the attribute's end", '<a href="‸">\n', 'b.html">', '<a href="⟦b.html⟧">\n'],
  ["cuts a tag that stands below", "<ul>\n  <li>‸\n</ul>\n", "a</li>\n</ul>", "<ul>\n  <li>⟦a</li>⟧\n</ul>\n"],
  ["shows nothing for an empty comment", "‸\n", "<!-- -->", undefined],
]);

testGolden("typescriptreact", [
  ["keeps an attribute's braces", "<A ‸ />\n", "b={c}", "<A ⟦b={c}⟧ />\n"],
  ["keeps an element", "return ‸;\n", "<s>{a}</s>", "return ⟦<s>{a}</s>⟧;\n"],
  ["keeps an expression", "<A b={‸} />\n", "c.d", "<A b={⟦c.d⟧} />\n"],
  ["cuts the brace there", "<A b={‸} />\n", "c} />", "<A b={⟦c⟧} />\n"],
  ["overwrites the brace that the text closes", "<A b={‸} />\n", "c} d={e}", "<A b={⟦c} d={e}⟧~}~ />\n"],
  ["cuts the tag's end", "<A>‸</A>\n", "hi</A>", "<A>⟦hi⟧</A>\n"],
]);

testGolden("json", [
  ["keeps an object", '{"a": ‸}\n', '{"b": 1}', '{"a": ⟦{"b": 1}⟧}\n'],
  ["keeps a bracket in a string", '{"a": ‸}\n', '"("', '{"a": ⟦"("⟧}\n'],
  ["keeps an address", '{"a": "‸"}\n', "http://b", '{"a": "⟦http://b⟧"}\n'],
  ["keeps an escaped quote", '{"a": ‸}\n', '"b\\"c"', '{"a": ⟦"b\\"c"⟧}\n'],
  ["keeps entries", "{‸\n}\n", '\n  "a": [1, 2],\n  "b": {}', '{⟦\n  "a": [1, 2],\n  "b": {}⟧\n}\n'],
  ["keeps a surrogate pair", '{"a": "‸"}\n', "😀", '{"a": "⟦😀⟧"}\n'],
  ["cuts the brace there", '{"a": ‸}\n', '{"b": 1}}', '{"a": ⟦{"b": 1}⟧}\n'],
  ["cuts the comma there", '  "a": ‸,\n', "1,", '  "a": ⟦1⟧,\n'],
  ["cuts the quote there", '{"a": "‸"}\n', 'b"', '{"a": "⟦b⟧"}\n'],
  ["cuts the brace below", "{‸\n}\n", '\n  "a": 1\n}', '{⟦\n  "a": 1⟧\n}\n'],
]);
