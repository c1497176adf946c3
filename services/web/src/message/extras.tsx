import type { Person, ReactionCount } from "@parley/protocol/fold";
import { use } from "react";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { RoomContext, type MessageExtra, type Quoted } from "./room.ts";

/** Above a message: what it replies to, that it is pinned, that it addresses whoever looks. */
export function Above({ extra }: { readonly extra: MessageExtra | undefined }) {
  const { room } = useWords();
  if (extra === undefined) return null;
  const { replyTo, isPinned, mentionsViewer } = extra;
  return (
    <>
      {isPinned && (
        <span className="people-mark">
          <Icon name="pin" />
          {room.pinned}
        </span>
      )}
      {replyTo === undefined ? null : <Quote quoted={replyTo} />}
      {mentionsViewer && <span className="ui-hidden">{room.mentionsYou}</span>}
    </>
  );
}

function Quote({ quoted: { messageId, name, text } }: { readonly quoted: Quoted }) {
  const { room } = useWords();
  const scene = use(RoomContext);
  const who = name ?? room.replyGone;
  return (
    <button type="button" className="people-quote" onClick={() => scene?.jumpTo(messageId)}>
      <Icon name="reply" />
      <span className="ui-hidden">{room.replyTo} </span>
      <strong dir="auto">{who}</strong>{" "}
      <span className="people-quote-text" dir="auto">
        {text}
      </span>
    </button>
  );
}

/** Below a message: reactions, and who has read up to it. */
export function Below({ messageId, extra }: { readonly messageId: string; readonly extra: MessageExtra | undefined }) {
  if (extra === undefined) return null;
  const { changes, readers } = extra;
  const reactions = (changes?.reactions ?? []).filter(({ by }) => by.length > 0);
  return (
    <>
      {reactions.length === 0 ? null : (
        <div className="people-reactions">
          {reactions.map((one) => (
            <Reaction key={one.reaction} messageId={messageId} {...one} />
          ))}
        </div>
      )}
      {readers.length === 0 ? null : <Readers readers={readers} />}
    </>
  );
}

/** Names of so many stand in a label; of more the number. */
const maxNames = 8;

function namesOf(people: readonly Person[]): string {
  const names = people.slice(0, maxNames).map(({ id, name }) => name ?? id);
  return [...names, ...(people.length > maxNames ? [`+${people.length - maxNames}`] : [])].join(", ");
}

function Reaction({ messageId, reaction, by }: ReactionCount & { readonly messageId: string }) {
  const { room } = useWords();
  const { viewerId, react } = use(RoomContext) ?? {};
  const isOwn = by.some(({ id }) => id === viewerId);
  const name = room.reactedBy(reaction, by.length, namesOf(by));
  return (
    <button
      type="button"
      className="people-reaction"
      aria-pressed={isOwn}
      aria-label={name}
      title={name}
      aria-disabled={react === undefined}
      onClick={() => react?.(messageId, reaction, !isOwn)}
    >
      {reaction} {by.length}
    </button>
  );
}

/** So many faces; the rest is a number. */
const maxFaces = 5;

function Readers({ readers }: { readonly readers: readonly Person[] }) {
  const { room } = useWords();
  const names = room.readBy(namesOf(readers));
  return (
    <div className="people-readers" role="img" aria-label={names} title={names}>
      {readers.slice(0, maxFaces).map(({ id, name }) => (
        <Avatar key={id} id={id} name={name} />
      ))}
      {readers.length > maxFaces && <span aria-hidden="true">+{readers.length - maxFaces}</span>}
    </div>
  );
}

/** Beside the time of a message. */
export function Edited({ extra }: { readonly extra: MessageExtra | undefined }) {
  const { room } = useWords();
  const at = extra?.changes?.edited_at;
  const { formats } = useWords();
  if (at === undefined || extra?.changes?.deleted_at !== undefined) return null;
  return (
    <span className="message-quiet" title={formats.full(at)}>
      {room.edited}
    </span>
  );
}

export function isDeleted(extra: MessageExtra | undefined): boolean {
  return extra?.changes?.deleted_at !== undefined;
}

/** In the place of a text that is gone. */
export function Deleted() {
  return <p className="people-deleted">{useWords().room.deleted}</p>;
}

/** A text in which names are told apart from other words. */
export function WithMentions({ text }: { readonly text: string }) {
  const mention = use(RoomContext)?.mention;
  if (mention === undefined || !text.includes("@")) return text;
  return text.split(mention).map((part, at) =>
    at % 2 === 0 ? (
      part
    ) : (
      <strong key={at} className="people-mention">
        {part}
      </strong>
    ),
  );
}
