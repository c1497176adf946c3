import type { Conversation } from "@parley/client";
import type { ConversationView } from "@parley/protocol/fold";
import { useView } from "@parley/react";
import { useState, type ComponentType } from "react";
import { PeopleButton } from "../people/people-button.tsx";
import type { PeoplePanelProps } from "../people/people-panel.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";
import type { Here } from "./use-room.ts";

interface RoomHeaderProps {
  /** Loaded when it is opened. */
  readonly Panel: ComponentType<PeoplePanelProps>;
  readonly conversation: Conversation;
  readonly here: Here;
  readonly pins: readonly Pinned[];
  readonly onJump: (messageId: string) => void;
  readonly onLeft: () => void;
}

export interface Pinned {
  readonly messageId: string;
  /** Its beginning; undefined: it is further up than what is there. */
  readonly text: string | undefined;
}

/** In the header: what is pinned, and who is here. */
export function RoomHeader({ Panel, conversation, here, pins, onJump, onLeft }: RoomHeaderProps) {
  const { room: words } = useWords();
  const presence = useView(conversation, presenceIn);
  const [isOpen, setOpen] = useState(false);
  const { room, viewerId, isOwner } = here;
  if (viewerId === undefined) return null;
  return (
    <>
      {pins.length === 0 ? null : (
        <Menu
          label={words.pins(pins.length)}
          className="people-button"
          items={pins.map(({ messageId, text }) => ({
            name: text ?? words.pinGone,
            icon: "pin",
            onChoose: () => onJump(messageId),
          }))}
        >
          <Icon name="pin" />
          <span className="people-count">{pins.length}</span>
        </Menu>
      )}
      <PeopleButton room={room} presence={presence} viewerId={viewerId} onOpen={() => setOpen(true)} />
      {isOpen && (
        <Panel
          conversationId={conversation.id}
          {...{ room, presence, viewerId, isOwner, onLeft }}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

function presenceIn({ presence }: ConversationView): ConversationView["presence"] {
  return presence;
}
