import { useEffect, useState } from "react";
import { whileSeen } from "./while-seen.ts";

/** The time, again after each so many ms while somebody looks; it stands while `everyMs` is undefined. */
export function useNow(everyMs: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => (everyMs === undefined ? undefined : whileSeen(() => setNow(Date.now()), everyMs)), [everyMs]);
  return now;
}
