import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlaceMatch } from "../../../src/predictor/placeMatch.ts";
import { createTokenBuffer, createVocabulary, tokenId } from "../../../src/predictor/vocabulary.ts";

const compare = (there: string, here: string, word: string) => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const tokensOf = (text: string): Int32Array => {
    vocabulary.tokenize(text, 0, text.length, true, buffer);
    return buffer.tokens.slice(0, buffer.length);
  };
  // A boundary stands before the first token.
  const tokens = Int32Array.from([0, ...tokensOf(there)]);
  const context = tokensOf(here);
  const match = createPlaceMatch(vocabulary, context);
  const agreed = match.matchAt(tokens, tokens.length, context.length);
  const beyond = match.beyondAt(tokens, tokens.length, context.length, agreed);
  const id = tokenId(tokensOf(word)[1]!);
  return { agreed, beyond, word: vocabulary.textOf(match.translate(id)) };
};

test("counts the tokens that agree, and those beyond an identifier that differs", () => {
  const { agreed, beyond } = compare("const a = load(order", "const b = load(order", "x");
  assert.deepEqual([agreed, beyond], [4, 2]);
});

test("a word that stands for another there is put into the words that are used here", () => {
  assert.equal(compare("saveOrder(order", "saveProduct(product", "Orders").word, "Orders");
  assert.equal(
    compare("const Products = 1;\norder.push(", "const Products = 1;\nproduct.push(", "Order").word,
    "Order",
  );
  assert.equal(compare("Product; order.push(", "Product; product.push(", "Order").word, "Product");
});
