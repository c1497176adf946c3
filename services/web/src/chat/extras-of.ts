import { textOf, type MessageView, type Person, type Room, type RoomView } from "@parley/protocol/fold";
import type { MessageExtra, Quoted } from "../message/room.ts";

/** A message as a room has it: where it replies to another one, or addresses users, it says so. */
export type RoomMessage = MessageView & {
  readonly reply_to?: string | undefined;
  readonly mentions?: readonly string[] | undefined;
};

export interface ExtrasOf extends Pick<RoomView, "changes" | "reads"> {
  readonly viewerId: string | undefined;
  /** Undefined: its owner is alone. */
  readonly room: Room | undefined;
}

/** Of messages that follow each other: further apart, somebody begins anew. */
const continuedMs = 5 * 60_000;
/** What is shown of a message that is replied to. */
const quotedChars = 120;

/** What each message shows beside itself, by its id; undefined for all: nobody else is here, and nothing became of any. */
export function extrasOf(
  messages: readonly RoomMessage[],
  of: ExtrasOf,
): ReadonlyMap<string, MessageExtra> | undefined {
  if (of.room === undefined && Object.keys(of.changes).length === 0) return undefined;
  const pins = new Set(of.room?.pins);
  const readers = readersIn(of);
  const byId = new Map(messages.map((message) => [message.message_id, message]));
  const quotedBy = (messageId: string): Quoted => quoted(messageId, byId.get(messageId), of);
  return new Map(
    messages.map((message, at) => {
      const { message_id: id, author, reply_to: target, mentions = [] } = message;
      const extra: MessageExtra = {
        isOther: of.room !== undefined && isOther(message, of.viewerId),
        isContinued: isContinued(messages[at - 1], message) && target === undefined,
        mentionsViewer: of.viewerId !== undefined && mentions.includes(of.viewerId),
        isPinned: pins.has(id),
        changes: of.changes[id],
        replyTo: target === undefined ? undefined : quotedBy(target),
        readers: (readers.get(id) ?? noReaders).filter((reader) => reader.id !== author.id),
      };
      return [id, extra];
    }),
  );
}

const noReaders: readonly Person[] = [];

function isOther({ author: { role, id } }: RoomMessage, viewerId: string | undefined): boolean {
  return role === "user" && id !== undefined && viewerId !== undefined && id !== viewerId;
}

function isContinued(before: RoomMessage | undefined, { author, ts }: RoomMessage): boolean {
  if (author.role !== "user" || before?.author.role !== "user" || before.author.id !== author.id) return false;
  return before.ts !== undefined && ts !== undefined && Math.abs(ts - before.ts) < continuedMs;
}

/** Those who have read up to a message, by its id; without the viewer. */
function readersIn({ reads, room, viewerId }: ExtrasOf): ReadonlyMap<string, readonly Person[]> {
  const readers = new Map<string, Person[]>();
  if (room === undefined) return readers;
  const names = new Map(room.members.map((member) => [member.id, member]));
  for (const { user, message_id: id } of Object.values(reads)) {
    // Whoever has left reads no more.
    const member = names.get(user.id);
    if (member === undefined || user.id === viewerId) continue;
    readers.set(id, [...(readers.get(id) ?? []), { ...user, ...nameOf(member) }]);
  }
  return readers;
}

function nameOf({ name }: Person): { readonly name?: string } {
  return name === undefined ? {} : { name };
}

export function quoted(
  messageId: string,
  message: RoomMessage | undefined,
  { changes, room }: Pick<ExtrasOf, "changes" | "room">,
): Quoted {
  if (message === undefined) return { messageId, name: undefined, text: "" };
  const { author, outcome } = message;
  const agent = outcome?.type === "complete" ? outcome.metadata.agent : undefined;
  const handle = room?.agents.find((one) => one.agent === agent)?.handle;
  const name = author.name ?? author.id ?? handle ?? agent ?? "";
  return { messageId, name, text: beginningOf(textNow(message, changes)) };
}

/** As it stands now; nothing where it was deleted. */
export function textNow({ message_id: id, parts, author }: RoomMessage, changes: RoomView["changes"]): string {
  const change = changes[id];
  if (change?.deleted_at !== undefined) return "";
  const text = change?.message ?? textOf(parts);
  // Answers are Markdown: in a line of plain text its marks say nothing.
  return author.role === "assistant" ? text.replaceAll(/[*`#>|]+/gu, "") : text;
}

export function beginningOf(text: string): string {
  const line = text.trim().replaceAll(/\s+/gu, " ");
  return line.length > quotedChars ? `${line.slice(0, quotedChars)}…` : line;
}

export function isSameExtra(one: MessageExtra | undefined, other: MessageExtra | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.changes !== other.changes || one.isPinned !== other.isPinned || one.isOther !== other.isOther) return false;
  if (one.isContinued !== other.isContinued || one.mentionsViewer !== other.mentionsViewer) return false;
  return JSON.stringify(one.replyTo) === JSON.stringify(other.replyTo) && idsIn(one.readers) === idsIn(other.readers);
}

function idsIn(people: readonly Person[]): string {
  return people.map(({ id, name }) => `${id} ${name}`).join("\n");
}
