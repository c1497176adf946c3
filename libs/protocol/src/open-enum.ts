import { z } from "zod";

/**
 * An enumeration of which a newer version may know more values: in a rolling upgrade, and after a rollback, each side reads what the other wrote.
 * Readers take any string and pass it on as it is; what they do with one that they do not know is said where it is used. Writers are held to the
 * known values by the types of what they write (docs/adr/0013).
 */
export function openEnum(known: readonly string[]) {
  return z.union([z.enum(known), z.string()]);
}
