import { NotFoundError, ValidationError } from "./errors.ts";
import { createStore } from "./store.ts";
import type { Customer } from "./types.ts";

const customers = createStore<Customer>();

export function findCustomer(id: string): Customer {
  const customer = customers.get(id);
  if (customer === undefined) {
    throw new NotFoundError("Customer", id);
  }
  return customer;
}

export function listCustomers(): Customer[] {
  return customers.list().sort((a, b) => a.name.localeCompare(b.name));
}

export function saveCustomer(customer: Customer): Customer {
  if (!customer.email.includes("@")) {
    throw new ValidationError("email", "must contain an @");
  }
  customers.save(customer);
  console.log(`saved customer ${customer.id}`);
  return customer;
}

export function removeCustomer(id: string): void {
  if (!customers.remove(id)) {
    throw new NotFoundError("Customer", id);
  }
  console.log(`removed customer ${id}`);
}

export function formatCustomer(customer: Customer): string {
  return `${customer.name} <${customer.email}>`;
}
