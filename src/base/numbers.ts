/** A whole number with its thousands apart: "4,096". Node's own formatter takes tens of milliseconds to begin. */
export const formatCount = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
