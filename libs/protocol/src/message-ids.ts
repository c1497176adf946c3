import type { TurnId } from "./ids.ts";

/** The two messages of a turn have ids derived from it, so that storing one twice can be seen. */
export function messageIdOf(turnId: string, role: "user" | "assistant"): string {
  return role === "user" ? `${turnId}-u` : `${turnId}-a`;
}

/** The turn of an answer, by its id; undefined: it is none of ours. */
export function turnOfAnswer(messageId: string): TurnId | undefined {
  return /^(.{1,64})-a$/.exec(messageId)?.[1];
}

/** The turn of a question or an answer, by its id; undefined: it is none of ours. */
export function turnOfMessage(messageId: string): TurnId | undefined {
  return /^(.{1,64})-[ua]$/.exec(messageId)?.[1];
}
