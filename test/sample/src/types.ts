export type Order = {
  id: string;
  customerId: string;
  status: "open" | "paid" | "shipped" | "cancelled";
  totalCents: number;
  createdAt: Date;
};

export type Customer = {
  id: string;
  name: string;
  email: string;
  createdAt: Date;
};

export type Invoice = {
  id: string;
  orderId: string;
  dueAt: Date;
  paidAt: Date | undefined;
};

export type Product = {
  id: string;
  name: string;
  priceCents: number;
  stock: number;
};
