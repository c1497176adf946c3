import type { Bus, FactAddress } from "@parley/bus";
import { callerOf, ChatError, type Caller, type FactOf, type TurnRequest } from "@parley/protocol";
import type { DeciderRights } from "./ownership.ts";

/** Whether a call still waits for a person, and who may decide on it. */

export function noSuchCall(message = "No such call waits for a decision, or not any more."): ChatError {
  return new ChatError("NOT_FOUND", { message });
}

/** Whether the turn is still there, and the call still waits. Throws NOT_FOUND with the reason. Returns the turn. */
export async function checkWaits(
  { facts, turns }: Pick<Bus, "facts" | "turns">,
  address: FactAddress,
): Promise<TurnRequest> {
  const { conversation, turn } = address;
  const [cancel, result, open] = await Promise.all([
    facts.read("cancel", { conversation, turn }),
    facts.read("result", address),
    openTurn(turns, address),
  ]);
  if (cancel !== undefined) throw noSuchCall("The answer was cancelled: nothing of it waits for a decision.");
  if (result !== undefined) throw noSuchCall("The call has ended: there is nothing to decide.");
  if (open === undefined) throw noSuchCall("The answer has ended: nothing of it waits for a decision.");
  return open;
}

/** A turn is in the queue until its end is stored. */
export async function openTurn(
  turns: Bus["turns"],
  { conversation, turn }: FactAddress,
): Promise<TurnRequest | undefined> {
  const queued = (await turns.waiting(conversation)).find(({ request }) => request.turn_id === turn);
  return queued === undefined || (await turns.hasEnded(queued)) ? undefined : queued.request;
}

/** Whether somebody is not let in any more: revoked, or blocked. */
export type IsKeptOut = (caller: Caller) => boolean;

/** Whoever asked may have been kept out since, and could not agree any more: then nobody agrees for them. */
export function isAskerKeptOut({ user, caller, accepted_at }: TurnRequest, isKeptOut: IsKeptOut): boolean {
  // Of the credential no more is known than that it is as old.
  return isKeptOut({
    ...callerOf({ user, caller }),
    credential: { id: undefined, hash: undefined, issuedMs: accepted_at },
  });
}

/** Whoever writes in a conversation of somebody else's decides on the calls of their own turns. Throws FORBIDDEN. */
export async function checkOwnTurn(
  facts: Bus["facts"],
  { conversation, turn }: FactAddress,
  { onlyOf, isApprover }: DeciderRights,
): Promise<void> {
  if (onlyOf === undefined || isApprover) return;
  const said = await facts.read("said", { conversation, turn });
  if (said?.kind === "said" && said.author.id === onlyOf) return;
  throw new ChatError("FORBIDDEN", {
    message: "Only whoever asked for this, the owner of the conversation and people who approve decide on it.",
  });
}

/**
 * Where four eyes are demanded, whoever the call is for cannot agree to it, and who does must be an approver. To say no nobody needs a second pair. Throws
 * FORBIDDEN.
 */
export async function checkFourEyes(
  facts: Bus["facts"],
  { four_eyes, conversation_id: conversation, turn_id: turn }: FactOf<"asked">,
  { caller, isOwner, isApprover }: DeciderRights & { readonly caller: Caller },
): Promise<void> {
  if (four_eyes !== true) return;
  const said = await facts.read("said", { conversation, turn });
  // Where nobody can tell who asked, it counts as asked by whose conversation it is.
  const isOwn = said?.kind === "said" && said.author.id !== undefined ? said.author.id === caller.user.id : isOwner;
  if (isOwn)
    throw new ChatError("FORBIDDEN", {
      message: "Somebody else has to agree to this: whoever asked for it can only deny it.",
    });
  if (!isApprover)
    throw new ChatError("FORBIDDEN", { message: "Somebody with the right approval:decide has to agree to this." });
}
