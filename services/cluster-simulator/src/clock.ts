export type Clock = () => number;

/** What `SIM_CLOCK` says: `real`, or a time at which the cluster's clock stands still (for pictures and fixed tests). */
export function createClock(setting: string): Clock {
  if (setting === "real") return () => Date.now();
  const frozenMs = Date.parse(setting);
  return () => frozenMs;
}

export function isClockSetting(setting: string): boolean {
  return setting === "real" || !Number.isNaN(Date.parse(setting));
}
