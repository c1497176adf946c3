/** 128 random bits, as a conversation id, or the id of a message or of another frame. `getRandomValues` also exists on pages without TLS; `randomUUID` does not. */
export function newId(prefix: "c" | "m" | "w"): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
