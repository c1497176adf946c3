/** The two messages of a turn have ids derived from it, so that storing one twice can be seen. */
export function messageIdOf(turnId: string, role: "user" | "assistant"): string {
  return role === "user" ? `${turnId}-u` : `${turnId}-a`;
}
