import { NotFoundError, ValidationError } from "./errors.ts";
import { createStore } from "./store.ts";
import type { Invoice } from "./types.ts";

const invoices = createStore<Invoice>();

export function findInvoice(id: string): Invoice {
  const invoice = invoices.get(id);
  if (invoice === undefined) {
    throw new NotFoundError("Invoice", id);
  }
  return invoice;
}

export function listInvoices(): Invoice[] {
  return invoices.list().sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
}

export function saveInvoice(invoice: Invoice): Invoice {
  if (invoice.orderId === "") {
    throw new ValidationError("orderId", "must not be empty");
  }
  invoices.save(invoice);
  console.log(`saved invoice ${invoice.id}`);
  return invoice;
}

export function removeInvoice(id: string): void {
  if (!invoices.remove(id)) {
    throw new NotFoundError("Invoice", id);
  }
  console.log(`removed invoice ${id}`);
}
