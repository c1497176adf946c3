import type { Bus } from "@parley/bus";
import type { ConversationId, People, TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { titleOf, type createIndexNotes } from "./index-notes.ts";

interface MemberListDeps {
  readonly bus: Bus;
  /** As this process remembers it, without a question: whoever alone has a conversation costs none. */
  readonly peekPeople: (conversation: ConversationId) => People | undefined;
  readonly log: Logger;
}

type Notes = ReturnType<typeof createIndexNotes>;

/** Members of rooms beyond this do not see each message move it up in their lists: it is some writes each. */
const mostMoved = 200;

/** A message was accepted: the conversation moves up in the lists of all who have a part in it. */
export function createAccepted({
  notes,
  peekPeople,
}: Pick<MemberListDeps, "peekPeople"> & { readonly notes: Notes | undefined }) {
  return (request: TurnRequest): void => {
    if (notes === undefined || !isListed(request)) return;
    const { user, conversation_id } = request;
    const others = idsOf(peekPeople(conversation_id)).filter((id) => id !== user.id);
    notes.accepted(request, [user.id, ...others.slice(0, mostMoved)]);
  };
}

export function createMemberLists({
  bus,
  notes,
  log,
}: Pick<MemberListDeps, "bus" | "log"> & { readonly notes: Notes | undefined }) {
  const add = async (users: readonly string[], conversation_id: ConversationId): Promise<void> => {
    const outline = await bus.conversations.outlineOf(conversation_id);
    // Of one in which nothing was answered yet its first message tells.
    const first = outline?.first ?? (await bus.turns.first(conversation_id))?.request.message;
    if (first === undefined) return;
    notes?.add(users, { conversation_id, title: titleOf(first), updated_at: outline?.updatedMs ?? Date.now() });
  };
  return {
    joined(users: readonly string[], conversation: ConversationId): void {
      if (notes === undefined) return;
      add(users, conversation).catch((err: unknown) =>
        log.warn({ err, conversation }, "a conversation could not be added to its members' lists"),
      );
    },
    left: (user: string, conversation: ConversationId): void => void notes?.remove(user, conversation),
  };
}

export function idsOf(people: People | undefined): string[] {
  return people === undefined ? [] : [people.owner.id, ...people.members.map(({ id }) => id)];
}

/** One call of a tool is no conversation to its user: it is deleted when it is over, and not listed until then. */
function isListed({ given, handover }: TurnRequest): boolean {
  // Nor is it theirs who only answer in it.
  return given?.call === undefined && handover !== "answer";
}
