import type { ConversationView, MessageChanges } from "@parley/protocol/fold";
import type { Request } from "./asks.ts";
import { change } from "./requests.ts";

/** What is asked of messages that were said. Said again, each of them changes nothing, so that it may be sent again on another connection. */

/** `id`: of the conversation, as in all of these. */
export function edit(id: string, message_id: string, message: string): Request<void> {
  // As the server keeps it: with half a character in it the view would never show what was asked for.
  const whole = message.toWellFormed();
  return change(
    { type: "edit", message_id, message },
    id,
    (view) => (changesOf(view, message_id)?.message ?? firstText(view, message_id)) === whole,
    `edit ${message_id}`,
  );
}

export function deletion(id: string, message_id: string): Request<void> {
  return change(
    { type: "delete", message_id },
    id,
    (view) => changesOf(view, message_id)?.deleted_at !== undefined,
    `delete ${message_id}`,
  );
}

export interface ReactionOf {
  readonly reaction: string;
  readonly on: boolean;
  /** As the server has named who asks. */
  readonly userId: () => string | undefined;
}

export function reaction(id: string, message_id: string, { reaction: which, on, userId }: ReactionOf): Request<void> {
  return change(
    { type: "react", message_id, reaction: which, on },
    id,
    (view) => {
      const changes = changesOf(view, message_id);
      const given = changes?.reactions.find((one) => one.reaction === which)?.by ?? [];
      const isMine = given.some((one) => one.id === userId());
      // Of a message that the view does not have nobody knows what there is to take back.
      return isMine === on && (on || changes !== undefined || isShown(view, message_id));
    },
    `react ${message_id} ${which}`,
  );
}

export function pin(id: string, message_id: string, on: boolean): Request<void> {
  return change(
    { type: "pin", message_id, on },
    id,
    ({ room, seq }) => (room === undefined ? seq > 0 && !on : room.pins.includes(message_id) === on),
    `pin ${message_id}`,
  );
}

function changesOf({ changes }: ConversationView, messageId: string): MessageChanges | undefined {
  return changes[messageId];
}

/** As it was written; undefined: the view does not have it, or it is the answer of a turn. */
function firstText({ turns, transcript }: ConversationView, messageId: string): string | undefined {
  const isIt = (one: { readonly message_id: string } | undefined): boolean => one?.message_id === messageId;
  return (transcript.find(isIt) ?? turns.find(({ message }) => isIt(message))?.message)?.message;
}

function isShown(view: ConversationView, messageId: string): boolean {
  return (
    view.turns.some(({ outcome }) => outcome?.message_id === messageId) || firstText(view, messageId) !== undefined
  );
}
