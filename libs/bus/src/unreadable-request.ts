import { TurnRequest, messageIdOf } from "@parley/protocol";
import type { PulledMessage } from "./consumer-pulls.ts";

const Named = TurnRequest.pick({ conversation_id: true, turn_id: true });

/** What can be read of a request that only a newer version can read; undefined: not even whose it is. */
export function restOfRequest(value: unknown, storedMs: number): TurnRequest | undefined {
  const { data: named } = Named.safeParse(value);
  if (named === undefined) return undefined;
  const message_id = messageIdOf(named.turn_id, "user");
  return { v: 1, ...named, user: { id: "" }, id: "", message_id, message: "", accepted_at: storedMs };
}

/** Of one whose key was erased: its subject and the id by which it was sent once say whose it is. */
export function erasedRequest({ subject, storedMs }: PulledMessage, turn_id: string): TurnRequest | undefined {
  return restOfRequest({ conversation_id: subject.split(".").at(-1), turn_id }, storedMs);
}
