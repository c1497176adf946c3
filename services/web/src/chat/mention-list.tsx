import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import type { Candidate } from "./mentions.ts";

interface MentionListProps {
  readonly id: string;
  readonly shown: readonly Candidate[];
  readonly active: number;
  readonly onPick: (candidate: Candidate) => void;
}

/** Whom an `@` can mean, above the box. Keys are the box's, which has the focus. */
export function MentionList({ id, shown, active, onPick }: MentionListProps) {
  const { room } = useWords();
  return (
    <>
      <p className="ui-hidden" role="status">
        {shown.length === 0 ? "" : room.suggestions(shown.length)}
      </p>
      {shown.length === 0 ? null : (
        <ul id={id} className="ui-menu people-mentions" role="listbox" aria-label={room.mention}>
          {shown.map((candidate, at) => (
            <li
              key={`${candidate.kind} ${candidate.id} ${candidate.name}`}
              id={`${id}-${at}`}
              role="option"
              className="ui-menu-item"
              aria-selected={at === active}
              // The box keeps the focus.
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => onPick(candidate)}
            >
              {candidate.kind === "agent" ? <Icon name="agent" /> : <Avatar id={candidate.id} name={candidate.name} />}
              <span className="people-mention-name" dir="auto">
                {candidate.name}
              </span>
              <span className="ui-note people-mention-text">
                {candidate.kind === "agent" ? room.agent : (candidate.text ?? "")}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
