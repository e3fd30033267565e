import { NotFoundError, ValidationError } from "./errors.ts";
import { createStore } from "./store.ts";
import type { Product } from "./types.ts";

const products = createStore<Product>();

export function findProduct(id: string): Product {
  const product = products.get(id);
  if (product === undefined) {
    throw new NotFoundError("Product", id);
  }
  return product;
}

// Type the rest here: listProducts, saveProduct, removeProduct.

