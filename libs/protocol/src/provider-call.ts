import { z } from "zod";

/**
 * What the model's provider wants to have back with a call in the next request of the turn, as it came. Bounded by `stepProviderBytes` and
 * `turnProviderBytes`. Our own ids stay in events and jobs.
 */
export const ProviderCall = z.object({
  /** The provider's id of the call. Absent where it gave none, or one twice. */
  id: z.string().optional(),
  /** Fields beside `function` that nobody here understands, such as thought signatures. */
  fields: z.record(z.string(), z.unknown()).optional(),
  /** The same within `function`. */
  function_fields: z.record(z.string(), z.unknown()).optional(),
  /** Fields of the message that the calls are in, such as its reasoning. At the first call of a step. */
  message_fields: z.record(z.string(), z.unknown()).optional(),
});
export type ProviderCall = z.infer<typeof ProviderCall>;
