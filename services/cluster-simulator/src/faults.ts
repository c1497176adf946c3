import { z } from "zod";

const MAX_FAULTS = 100;

/**
 * A fault to inject. Matching requests wait `delay_ms`; then they get `status`, or the answer is cut off after `cut_after_bytes`, or it comes
 * slowly, or, with none of these, it is the usual answer.
 */
export const Fault = z.strictObject({
  path_contains: z.string().min(1).max(500),
  method: z.enum(["DELETE", "GET", "PATCH", "POST", "PUT"]).optional(),
  status: z.number().int().min(400).max(599).optional(),
  retry_after_s: z.number().int().min(0).max(3_600).default(1),
  delay_ms: z.number().int().min(0).max(120_000).default(0),
  /** The connection is cut when so much of the answer was sent; 0 cuts it before the answer. */
  cut_after_bytes: z.number().int().min(0).optional(),
  /** Whether the request is carried out before the connection is cut: then the client cannot know. */
  after_effect: z.boolean().default(true),
  /** The answer is sent in pieces, so many bytes a second. */
  bytes_per_second: z.number().int().min(1).optional(),
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
    take(method: string, pathAndQuery: string): Fault | undefined {
      const entry = faults.find(
        ({ fault }) =>
          pathAndQuery.includes(fault.path_contains) && (fault.method === undefined || fault.method === method),
      );
      if (entry === undefined) return undefined;
      entry.left -= 1;
      if (entry.left <= 0) faults = faults.filter((other) => other !== entry);
      return entry.fault;
    },
  };
}
