export const megabyte = 1_024 * 1_024;

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
