import { z } from "zod";

const MAX_FAULTS = 100;

/** A fault to inject: matching requests wait `delay_ms` and then answer `status` (or normally, without one). */
export const Fault = z.strictObject({
  path_contains: z.string().min(1).max(500),
  status: z.number().int().min(400).max(599).optional(),
  delay_ms: z.number().int().min(0).max(120_000).default(0),
  /** How many requests it hits; without it, all until the faults are deleted. */
  times: z.number().int().min(1).optional(),
});
export type Fault = z.infer<typeof Fault>;

export type Faults = ReturnType<typeof createFaults>;

/** The faults a test has asked for; the oldest is forgotten when there are too many. */
export function createFaults() {
  let faults: { fault: Fault; left: number }[] = [];
  return {
    add(fault: Fault): void {
      faults = [...faults, { fault, left: fault.times ?? Number.POSITIVE_INFINITY }].slice(-MAX_FAULTS);
    },
    clear(): void {
      faults = [];
    },
    /** The fault for a request, counted as used. */
    take(pathAndQuery: string): Fault | undefined {
      const entry = faults.find(({ fault }) => pathAndQuery.includes(fault.path_contains));
      if (entry === undefined) return undefined;
      entry.left -= 1;
      if (entry.left <= 0) faults = faults.filter((other) => other !== entry);
      return entry.fault;
    },
  };
}
