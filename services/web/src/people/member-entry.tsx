import type { Member } from "@parley/protocol/fold";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";

/** What is asked once before it is done. */
export type Deed = { readonly kind: "leave" } | { readonly kind: "remove" | "owner"; readonly member: Member };

interface MemberEntryProps {
  readonly member: Member;
  readonly isHere: boolean;
  readonly isViewer: boolean;
  readonly mayChange: boolean;
  readonly onDo: (deed: Deed) => void;
  readonly onRole: (role: "writer" | "reader") => void;
}

export function MemberEntry({ member, isHere, isViewer, mayChange, onDo, onRole }: MemberEntryProps) {
  const { room } = useWords();
  const { id, name = id, role, with_role: withRole } = member;
  const roles = new Map<string, string>(Object.entries(room.roles));
  const other = role === "writer" ? "reader" : "writer";
  return (
    <li className="people-member">
      <Avatar id={id} name={name} isHere={isHere} />
      <span className="people-member-name">
        <span dir="auto" title={id}>
          {name}
        </span>
        {isViewer && <span className="ui-note"> ({room.youMark})</span>}
        {isHere && <span className="ui-hidden"> {room.here}</span>}
        {withRole === undefined ? null : <span className="ui-note people-member-while">{room.withRole(withRole)}</span>}
      </span>
      <span className="ui-chip">{roles.get(role) ?? role}</span>
      {mayChange && (
        <Menu
          label={room.moreFor(name)}
          className="ui-icon-button"
          items={[
            {
              name: other === "writer" ? room.makeWriter : room.makeReader,
              icon: other === "writer" ? "edit" : "document",
              onChoose: () => onRole(other),
            },
            { name: room.makeOwner, icon: "person", onChoose: () => onDo({ kind: "owner", member }) },
            { name: room.remove, icon: "close", isDangerous: true, onChoose: () => onDo({ kind: "remove", member }) },
          ]}
        >
          <Icon name="more" />
        </Menu>
      )}
    </li>
  );
}
