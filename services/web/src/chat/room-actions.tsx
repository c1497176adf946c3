import { textOf, type MessageChanges } from "@parley/protocol/fold";
import { use, useState } from "react";
import { isDeleted } from "../message/extras.tsx";
import type { MessageExtra } from "../message/room.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";
import type { RoomMessage } from "./extras-of.ts";
import { ReactionPicker } from "./reaction-picker.tsx";
import { RoomActsContext, type Editing, type RoomActs } from "./room-acts.ts";
import { WaitingEditor } from "./waiting-editor.tsx";

interface RoomActionsProps {
  readonly message: RoomMessage;
  readonly extra: MessageExtra | undefined;
}

/** What can be done with a message where others are; nothing for who is alone, and with what is deleted. */
export function RoomActions({ message, extra }: RoomActionsProps) {
  const acts = use(RoomActsContext);
  if (acts?.here.room === undefined || isDeleted(extra) || !acts.here.mayWrite) return null;
  return <Actions acts={acts} message={message} extra={extra} />;
}

function Actions({ acts, message, extra }: RoomActionsProps & { readonly acts: RoomActs }) {
  const { room } = useWords();
  const [isDeleting, setDeleting] = useState(false);
  const { conversation, attempt } = acts;
  const { message_id: id } = message;
  return (
    <>
      <ReactionPicker onPick={(reaction) => attempt(conversation.react(id, reaction))} />
      <button
        type="button"
        className="ui-icon-button chat-action"
        aria-label={room.reply}
        title={room.reply}
        onClick={() => acts.reply(id)}
      >
        <Icon name="reply" />
      </button>
      <Menu
        label={room.more}
        className="ui-icon-button chat-action"
        items={itemsOf(acts, message, extra, { words: room, onDelete: () => setDeleting(true) })}
      >
        <Icon name="more" />
      </Menu>
      {isDeleting && (
        <DeleteDialog onDelete={() => attempt(conversation.remove(id))} onClose={() => setDeleting(false)} />
      )}
    </>
  );
}

interface ItemsOf {
  readonly words: ReturnType<typeof useWords>["room"];
  readonly onDelete: () => void;
}

function itemsOf(
  { here, conversation, attempt, edit }: RoomActs,
  message: RoomMessage,
  extra: MessageExtra | undefined,
  { words, onDelete }: ItemsOf,
): MenuItem[] {
  const { message_id: id, author } = message;
  const isOwn = author.role === "user" && author.id === here.viewerId;
  const isPinned = extra?.isPinned === true;
  const pin: MenuItem = {
    name: isPinned ? words.unpin : words.pin,
    icon: "pin",
    onChoose: () => attempt(conversation.pin(id, !isPinned)),
  };
  const change: MenuItem = {
    name: words.editText,
    icon: "edit",
    onChoose: () => edit(editingOf(message, extra?.changes)),
  };
  const remove: MenuItem = { name: words.delete, icon: "trash", isDangerous: true, onChoose: onDelete };
  return [...(isOwn ? [change] : []), pin, ...(isOwn || here.isOwner ? [remove] : [])];
}

export function editingOf(message: RoomMessage, changes: MessageChanges | undefined): Editing {
  const text = changes?.message ?? textOf(message.parts);
  return { messageId: message.message_id, text, caret: { start: text.length, end: text.length } };
}

function DeleteDialog({ onDelete, onClose }: { readonly onDelete: () => void; readonly onClose: () => void }) {
  const { room, app } = useWords();
  const confirm = () => {
    onClose();
    onDelete();
  };
  return (
    <Dialog
      title={room.deleteTitle}
      onClose={onClose}
      actions={
        <>
          <button type="button" className="ui-button" autoFocus onClick={onClose}>
            {app.cancel}
          </button>
          <button type="button" className="ui-button ui-button-danger" onClick={confirm}>
            {room.delete}
          </button>
        </>
      }
    >
      <p>{room.deleteText}</p>
    </Dialog>
  );
}

/** The editor in the place of a message whose author changes its text; undefined for all others. */
export function useTextEditor({ message_id: id }: RoomMessage) {
  const { room, chat } = useWords();
  const acts = use(RoomActsContext);
  const editing = acts?.editing;
  if (acts === undefined || editing?.messageId !== id) return undefined;
  const close = (text?: string) => {
    acts.edit(undefined);
    if (text !== undefined) acts.attempt(acts.conversation.edit(id, text));
  };
  return (
    <div className="chat-revision">
      <WaitingEditor
        text={editing.text}
        caret={editing.caret}
        label={room.editLabel}
        action={chat.save}
        onChange={(patch) => acts.edit((now) => now && { ...now, ...patch })}
        onClose={close}
      />
    </div>
  );
}
