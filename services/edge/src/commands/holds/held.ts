import type { Bus } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";

interface Asking {
  readonly user: { readonly id: string };
  readonly tenant?: string | undefined;
}

interface Holding {
  readonly privacy: Pick<Bus["privacy"], "heldBy">;
}

/** What a user is told who wants something deleted that the operator has to keep. Why and for whom it is kept is nobody's business but the operator's. */
export function heldByLaw(): ChatError {
  const message =
    "This cannot be deleted at the moment: the operator has to keep it (a legal hold). It stays as it is. Ask again later.";
  return new ChatError("CONFLICT", { message });
}

/** Throws CONFLICT where a legal hold keeps the conversation, somebody in it, or their tenant. One look-up for each, side by side. */
export async function checkNotHeld(
  bus: Pick<Bus, "people"> & Holding,
  conversation: ConversationId,
  { user, tenant }: Asking,
): Promise<void> {
  const people = (await bus.people.of(conversation))?.people;
  const others = people === undefined ? [] : [people.owner.id, ...people.members.map(({ id }) => id)];
  const users = [...new Set([user.id, ...others])];
  if ((await bus.privacy.heldBy({ tenant: people?.tenant ?? tenant, users, conversation })) !== undefined)
    throw heldByLaw();
}

/** The same for what somebody has for themself: what is remembered of them. */
export async function checkPersonNotHeld({ privacy }: Holding, { user, tenant }: Asking): Promise<void> {
  if ((await privacy.heldBy({ tenant, users: [user.id] })) !== undefined) throw heldByLaw();
}
