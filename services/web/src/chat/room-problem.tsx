import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

interface RoomProblemProps {
  readonly problem: unknown;
  readonly onClose: () => void;
}

/** Why a reaction, an edit, a pin was not done. */
export function RoomProblem({ problem, onClose }: RoomProblemProps) {
  const { room, chat } = useWords();
  const sentence = useErrorSentence();
  if (problem === undefined) return null;
  return (
    <p className="ui-error people-problem" role="alert">
      {room.changeFailed(sentence(problem))}
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onClose}>
        {chat.close}
      </button>
    </p>
  );
}
