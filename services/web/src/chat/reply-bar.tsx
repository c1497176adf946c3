import type { Quoted } from "../message/room.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface ReplyBarProps {
  readonly quoted: Quoted | undefined;
  readonly onStop: () => void;
}

/** Above the box: what the message that is being written replies to. */
export function ReplyBar({ quoted, onStop }: ReplyBarProps) {
  const { room } = useWords();
  if (quoted === undefined) return null;
  return (
    <div className="people-replying">
      <Icon name="reply" />
      <span className="people-replying-words" dir="auto">
        <strong>{room.replyingTo(quoted.name ?? room.replyGone)}</strong> {quoted.text}
      </span>
      <button
        type="button"
        className="ui-icon-button"
        aria-label={room.stopReplying}
        title={room.stopReplying}
        onClick={onStop}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
