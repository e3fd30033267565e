export class NotFoundError extends Error {
  constructor(kind: string, id: string) {
    super(`${kind} ${id} was not found`);
    this.name = "NotFoundError";
  }
}

export class ValidationError extends Error {
  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.name = "ValidationError";
  }
}
