/** 128 random bits, as a conversation id, or the id of a message or of another frame. `getRandomValues` also exists on pages without TLS; `randomUUID` does not. */
export function newId(prefix: "c" | "f" | "m" | "w"): string {
  return `${prefix}_${crypto.getRandomValues(new Uint32Array(4)).join("_")}`;
}
