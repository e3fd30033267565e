const units = ["bytes", "KB", "MB", "GB", "TB"] as const;

/** Bytes as people read them: "182 MB", "9.8 GB". Powers of 1024, as memory is sold. */
export const formatBytes = (sizeBytes: number): string => {
  let value = Math.max(0, sizeBytes);
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit >= 3 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
};

/** A share of 0..1 as "41 %". */
export const formatShare = (share: number): string => `${Math.round(share * 100)} %`;
