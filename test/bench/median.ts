/** The median; NaN when there are no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share from 0 for the least to 1 for the greatest */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
