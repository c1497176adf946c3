import type { PresenceFrame, Room } from "@parley/protocol/fold";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface PeopleButtonProps {
  /** Undefined: its owner is alone. */
  readonly room: Room | undefined;
  readonly presence: Pick<PresenceFrame, "users" | "online"> | undefined;
  readonly viewerId: string;
  readonly onOpen: () => void;
}

/** So many faces; how many there are stands beside them. */
const maxFaces = 3;

/** Who is here, in the header; opens the panel. */
export function PeopleButton({ room, presence, viewerId, onOpen }: PeopleButtonProps) {
  const { room: words } = useWords();
  const count = room?.member_count ?? 1;
  const here = new Set(presence?.users.map(({ id }) => id));
  // Who is there first: a face that looks on says more than one that does not.
  const others = (room?.members ?? []).filter(({ id }) => id !== viewerId);
  const faces = others.toSorted((one, other) => Number(here.has(other.id)) - Number(here.has(one.id)));
  const online = presence === undefined || count < 2 ? "" : `, ${words.online(presence.online)}`;
  const name = `${words.peopleIn(count)}${online}`;
  return (
    <button
      type="button"
      className="people-button"
      aria-label={name}
      title={name}
      aria-haspopup="dialog"
      onClick={onOpen}
    >
      {faces.slice(0, maxFaces).map(({ id, name: title }) => (
        <Avatar key={id} id={id} name={title} isHere={here.has(id)} />
      ))}
      {faces.length === 0 ? <Icon name="people" /> : <span className="people-count">{count}</span>}
    </button>
  );
}
