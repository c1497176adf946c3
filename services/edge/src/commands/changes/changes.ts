import type { Bus, NextChange } from "@parley/bus";
import {
  ChatError,
  checkMessageText,
  type Author,
  type Caller,
  type ConversationId,
  type DeleteFrame,
  type EditFrame,
  type MessageChanges,
  type People,
  type Person,
  type QueueFrame,
  type ReactFrame,
} from "@parley/protocol";
import { countOne, type ChangeKind } from "../../figures/metrics.ts";
import { checkNotHeld } from "../holds/held.ts";
import { wasDeleted, type FindMessage, type FoundMessage, type MessageBus } from "./found-message.ts";
import { reacted } from "./reactions.ts";

export interface ChangeDeps {
  readonly bus: MessageBus & Pick<Bus, "changes" | "people" | "privacy">;
  readonly findFor: (caller: Caller) => FindMessage;
  readonly ownership: {
    /** Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
    readonly check: (conversation: ConversationId, caller: Caller, action: Action) => Promise<void>;
    readonly people: (conversation: ConversationId) => Promise<People | undefined>;
  };
  /** `queue`: a message that waits is changed and taken back there. */
  readonly queue: (caller: Caller, wish: QueueWish) => Promise<void>;
  /** A message was changed. */
  readonly onChanged: (conversation: ConversationId) => void;
  readonly counters: { readonly messageChanges: Map<ChangeKind, number> };
}

type Action = "conversation:send" | "conversation:react" | "conversation:delete";

type QueueWish = Omit<QueueFrame, "type" | "id">;

/** Undefined: it waited, and was changed in the queue. */
export type Changed = MessageChanges | undefined;

/** What people make of messages after they were written (docs/adr/0029). Viewers are told by the event. */
export function createChangeCommands(deps: ChangeDeps) {
  return {
    edit: createEditing(deps),
    remove: createRemoving(deps),
    react: createReacting(deps),
    earlier: createEarlier(deps),
  };
}

/** Changes a message's text: its author alone may. Throws EMPTY_MESSAGE, MESSAGE_TOO_LARGE, NOT_FOUND, FORBIDDEN, and CONFLICT where it was deleted. */
function createEditing(parts: ChangeDeps) {
  const { ownership, findFor } = parts;
  return async (caller: Caller, frame: Omit<EditFrame, "type">): Promise<Changed> => {
    const { conversation_id: conversation, message_id } = frame;
    const text = textIn(frame);
    checkMessageText(text);
    await ownership.check(conversation, caller, "conversation:send");
    const find = findFor(caller);
    const found = await find(conversation, message_id);
    if (!isOf(found, caller)) throw new ChatError("FORBIDDEN", { message: "This message is somebody else's." });
    await checkNotHeld(parts.bus, conversation, caller);
    if (await waits(parts, caller, found, { conversation_id: conversation, turn_id: found.turn_id, message: text }))
      return undefined;
    const keeps = (await ownership.people(conversation))?.keeps_history === true;
    return store(parts, { kind: "edit", conversation, found, find }, (now) => {
      if (now?.deleted_at !== undefined) throw wasDeleted();
      const before = now?.message ?? found.text;
      if (text === before) return undefined;
      const edited_at = Date.now();
      const stands = { ...standsIn(now), message: text, edited_at };
      const earlier = keeps ? { message: before, ts: now?.edited_at ?? found.ts } : undefined;
      return { stands, told: { type: "message_edited", by: authorOf(caller) }, earlier };
    });
  };
}

/** Deletes a message: its author may, and whoever owns the conversation any. */
function createRemoving(parts: ChangeDeps) {
  const { ownership, findFor } = parts;
  return async (
    caller: Caller,
    { conversation_id: conversation, message_id }: Omit<DeleteFrame, "type">,
  ): Promise<Changed> => {
    await ownership.check(conversation, caller, "conversation:send");
    const find = findFor(caller);
    const found = await find(conversation, message_id);
    if (!isOf(found, caller)) {
      await ownership.check(conversation, caller, "conversation:delete");
      if (found.isWaiting) throw new ChatError("CONFLICT", { message: "This message waits. Cancel its turn first." });
    } else if (
      await waits(parts, caller, found, { conversation_id: conversation, turn_id: found.turn_id, remove: true })
    )
      return undefined;
    await checkNotHeld(parts.bus, conversation, caller);
    return store(parts, { kind: "delete", conversation, found, find }, (now) => {
      if (now?.deleted_at !== undefined) return undefined;
      const stands = { deleted_at: Date.now(), deleted_by: personOf(caller), reactions: [] };
      return { stands, told: { type: "message_deleted", by: authorOf(caller) } };
    });
  };
}

function createReacting(parts: ChangeDeps) {
  const { ownership, findFor } = parts;
  return async (caller: Caller, frame: Omit<ReactFrame, "type">): Promise<Changed> => {
    const { conversation_id: conversation, message_id, reaction, on } = frame;
    await ownership.check(conversation, caller, "conversation:react");
    const find = findFor(caller);
    const found = await find(conversation, message_id);
    return store(parts, { kind: "react", conversation, found, find }, (now) => {
      if (now?.deleted_at !== undefined) throw wasDeleted();
      const reactions = reacted(now?.reactions ?? [], { reaction, on, by: personOf(caller) });
      if (reactions === undefined) return undefined;
      return {
        stands: { ...standsIn(now), reactions },
        told: { type: "reaction", by: authorOf(caller), reaction, on },
      };
    });
  };
}

/** Earlier texts of a message, for the owner of a conversation that keeps them. */
function createEarlier({ bus, ownership }: ChangeDeps) {
  return async (caller: Caller, conversation: ConversationId, messageId: string) => {
    await ownership.check(conversation, caller, "conversation:delete");
    if ((await ownership.people(conversation))?.keeps_history !== true)
      throw new ChatError("NOT_FOUND", { message: "Earlier texts are not kept in this conversation." });
    return bus.changes.earlier(conversation, messageId);
  };
}

interface Storing {
  readonly kind: ChangeKind;
  readonly conversation: ConversationId;
  readonly found: FoundMessage;
  readonly find: FindMessage;
}

async function store(
  { bus, counters, onChanged }: ChangeDeps,
  { kind, conversation, found, find }: Storing,
  next: (now: MessageChanges | undefined) => NextChange | undefined,
): Promise<Changed> {
  const { message_id } = found;
  let isChange = false;
  const stands = await bus.changes.change(
    conversation,
    message_id,
    () => find(conversation, message_id),
    (now) => {
      const change = next(now);
      isChange = change !== undefined;
      return change;
    },
  );
  if (isChange) countOne(counters.messageChanges, kind);
  if (stands !== undefined) onChanged(conversation);
  return stands ?? { message_id, n: 0, reactions: [] };
}

/** Changes a message in the queue, if it waits there. False: it does not, or no more: then it was said. */
async function waits(
  { queue, findFor }: ChangeDeps,
  caller: Caller,
  found: FoundMessage,
  wish: QueueWish,
): Promise<boolean> {
  if (!found.isWaiting) return false;
  try {
    await queue(caller, wish);
    return true;
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "CONFLICT") throw error;
    // A worker has begun with its turn in between.
    if ((await findFor(caller)(wish.conversation_id, found.message_id)).isWaiting) throw error;
    return false;
  }
}

function textIn({ message, parts }: Pick<EditFrame, "message" | "parts">): string {
  if ((message === undefined) === (parts === undefined))
    throw new ChatError("INVALID_FRAME", { message: "The frame is not valid: it has either a message or parts." });
  return (message ?? parts?.map(({ text }) => text).join("") ?? "").toWellFormed();
}

function standsIn(now: MessageChanges | undefined): NextChange["stands"] {
  if (now === undefined) return { reactions: [] };
  const { message_id: _id, n: _n, ...stands } = now;
  return stands;
}

/** No agent's answer is anybody's: the owner of the conversation deletes it. */
function isOf({ author }: FoundMessage, { user }: Caller): boolean {
  return author.role !== "assistant" && author.id === user.id;
}

function personOf({ user: { id, name } }: Caller): Person {
  return { id, ...(name === undefined ? {} : { name }) };
}

function authorOf(caller: Caller): Author {
  return { role: "user", ...personOf(caller) };
}
