import { z } from "zod";

/** A data key as it is stored: wrapped by a master key. */
export const WrappedKey = z.object({
  v: z.literal(1),
  /** Of the data key, 8 bytes in base64url: everything that it has sealed names it. */
  kid: z.string().length(11),
  /** Whose master key it is; absent: the default one. */
  tenant: z.string().optional(),
  /** Which master key wrapped it, as its keyring or its service knows it. */
  master: z.string(),
  wrapped: z.string(),
  /** When the data key was made, ms since 1970. */
  ts: z.number(),
});
export type WrappedKey = z.infer<typeof WrappedKey>;

/** In the place of a key that was erased. */
const ErasedKey = z.object({ v: z.literal(1), erased: z.literal(true), ts: z.number() });

/** What the stream of keys has under the hash of a scope. */
export const KeyRecord = z.union([WrappedKey, ErasedKey]);
export type KeyRecord = z.infer<typeof KeyRecord>;
