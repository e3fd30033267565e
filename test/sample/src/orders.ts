import { NotFoundError, ValidationError } from "./errors.ts";
import { createStore } from "./store.ts";
import type { Order } from "./types.ts";

const orders = createStore<Order>();

export function findOrder(id: string): Order {
  const order = orders.get(id);
  if (order === undefined) {
    throw new NotFoundError("Order", id);
  }
  return order;
}

export function listOrders(): Order[] {
  return orders.list().sort((a, b) => a.id.localeCompare(b.id));
}

export function saveOrder(order: Order): Order {
  if (order.totalCents < 0) {
    throw new ValidationError("totalCents", "must not be negative");
  }
  orders.save(order);
  console.log(`saved order ${order.id}`);
  return order;
}

export function removeOrder(id: string): void {
  if (!orders.remove(id)) {
    throw new NotFoundError("Order", id);
  }
  console.log(`removed order ${id}`);
}

export function formatOrder(order: Order): string {
  return `${order.id} ${order.status} ${(order.totalCents / 100).toFixed(2)}`;
}
