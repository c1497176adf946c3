import { createHash } from "node:crypto";
import type { Abilities } from "./model-rules.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const length = 9;

/**
 * The id of a call in the form that the provider takes. The same for the same id, so calls and their results agree, also those of older turns. Of
 * 62^9 derived ids, two of a conversation are the same with a chance that nobody lives to see.
 */
export function callIdFor(id: string, form: Abilities["call_ids"]): string {
  if (form === "any" || /^[A-Za-z0-9]{9}$/.test(id)) return id;
  const digest = createHash("sha256").update(id).digest();
  return Array.from({ length }, (_, at) => alphabet[digest.readUInt16BE(2 * at) % alphabet.length]).join("");
}
