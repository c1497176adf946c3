import { useSyncExternalStore } from "react";

/** Whole seconds until then, counted down while somebody looks; 0 from then on, and without a time. */
export function useSecondsTo(atMs: number | undefined): number {
  return useSyncExternalStore(
    atMs === undefined ? never : everyHalfSecond,
    () => (atMs === undefined ? 0 : Math.max(0, Math.ceil((atMs - Date.now()) / 1_000))),
    () => 0,
  );
}

function everyHalfSecond(listener: () => void): () => void {
  const timer = setInterval(listener, 500);
  return () => clearInterval(timer);
}

function never(): () => void {
  return () => undefined;
}
