import type { HandoverFrame } from "@parley/protocol";
import type { GivenMessageFrame } from "./turn-request.ts";

/** What stands in the conversation where who asks for a person says nothing more. */
const wish = "I would like to talk to a person.";

/** A wish for a person is a message: it has its turn, its place among the others, and its limits. No model is asked. */
export function askOf({
  id,
  conversation_id,
  reason = "",
}: Pick<HandoverFrame, "id" | "conversation_id" | "reason">): GivenMessageFrame & { readonly conversation_id: string } {
  const message = reason === "" ? wish : reason;
  return { type: "message", id, conversation_id, message, on_busy: "enqueue", handover: "ask" };
}
