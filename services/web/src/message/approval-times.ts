/** Of what is agreed to for a time: people say it in minutes. */
export function minutes(ms: number): number {
  return Math.max(1, Math.round(ms / 60_000));
}
