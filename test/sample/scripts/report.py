"""Prints what the shop sold, from exported JSON files."""

import json
import sys
from pathlib import Path


def read_orders(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_customers(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def total_cents(orders: list[dict]) -> int:
    return sum(order["totalCents"] for order in orders)


def count_open(orders: list[dict]) -> int:
    return sum(1 for order in orders if order["status"] == "open")


def count_paid(orders: list[dict]) -> int:
    return sum(1 for order in orders if order["status"] == "paid")


def main() -> None:
    folder = Path(sys.argv[1])
    orders = read_orders(folder / "orders.json")
    customers = read_customers(folder / "customers.json")
    print(f"orders: {len(orders)}")
    print(f"customers: {len(customers)}")
    print(f"total: {total_cents(orders) / 100:.2f}")


if __name__ == "__main__":
    main()
