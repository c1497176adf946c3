const MAX_REQUESTS = 10_000;

export type FailureMemory = ReturnType<typeof createFailureMemory>;

/** How often each request has been failed on purpose, for `/sim status=… times=…`; the oldest are forgotten first. */
export function createFailureMemory() {
  const failures = new Map<string, number>();
  return {
    /** Whether this try has to fail too, of a request whose first `times` tries fail. */
    mustFail(requestHash: string, times: number | undefined): boolean {
      if (times === undefined) return true;
      const failed = failures.get(requestHash) ?? 0;
      if (failed >= times) return false;
      failures.delete(requestHash);
      failures.set(requestHash, failed + 1);
      const oldest = failures.keys().next();
      if (failures.size > MAX_REQUESTS && oldest.done !== true) failures.delete(oldest.value);
      return true;
    },
    clear(): void {
      failures.clear();
    },
  };
}
