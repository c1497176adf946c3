import { textOf } from "@parley/protocol/fold";
import type { BranchMessage } from "@parley/protocol/branches";
import { use, useEffect, useEffectEvent, useRef } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { BranchingContext } from "./branching.ts";
import { RoomActsContext } from "./room-acts.ts";
import { WaitingEditor } from "./waiting-editor.tsx";

interface ActionProps {
  readonly message: BranchMessage;
}

/** Asks for the answer once more; the earlier one stays beside it. */
export function RegenerateButton({ message }: ActionProps) {
  const { chat } = useWords();
  const { askInstead, questionOf } = use(BranchingContext) ?? {};
  if (askInstead === undefined || questionOf === undefined) return null;
  const regenerate = () => {
    const question = questionOf(message.turn_id);
    if (question !== undefined) askInstead(question, message.turn_id);
  };
  return (
    <button
      type="button"
      className="ui-icon-button chat-action"
      aria-label={chat.regenerate}
      title={chat.regenerate}
      onClick={regenerate}
    >
      <Icon name="retry" />
    </button>
  );
}

/** Opens a message that was sent for its author to change and send it again. */
function EditButton({ message }: ActionProps) {
  const { chat } = useWords();
  const { askInstead, revise, userId } = use(BranchingContext) ?? {};
  const { role, id } = message.author;
  const isOwn = role === "user" && (userId === undefined || id === undefined || userId === id);
  if (askInstead === undefined || revise === undefined || !isOwn) return null;
  const text = textOf(message.parts);
  const caret = { start: text.length, end: text.length };
  return (
    <button
      type="button"
      className="ui-icon-button chat-action"
      aria-label={chat.editMessage}
      title={chat.editMessage}
      onClick={() => revise({ turnId: message.turn_id, text, caret })}
    >
      <Icon name="edit" />
    </button>
  );
}

/** `‹ 2/3 ›`: which of several turns in the same place this is, and the way to the others. */
function SiblingNav({ message: { turn_id, siblings = [] } }: ActionProps) {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  const branching = use(BranchingContext);
  const before = useRef<HTMLButtonElement>(null);
  const after = useRef<HTMLButtonElement>(null);
  const at = siblings.indexOf(turn_id);
  const takeFocus = useEffectEvent(() => {
    const step = branching?.takeFocus(turn_id);
    if (step === undefined) return;
    const [wanted, other] = step === "before" ? [before, after] : [after, before];
    (wanted.current?.disabled === true ? other : wanted).current?.focus();
  });
  useEffect(() => takeFocus(), []);
  if (branching === undefined || siblings.length < 2 || at < 0) return null;
  const { problem, choose } = branching;
  const [previous, next] = [siblings[at - 1], siblings[at + 1]];
  return (
    <span className="chat-siblings" role="group" aria-label={chat.versions}>
      <button
        ref={before}
        type="button"
        className="ui-icon-button chat-sibling"
        aria-label={chat.versionBefore}
        disabled={previous === undefined}
        onClick={() => previous !== undefined && choose(previous, "before")}
      >
        <Icon name="chevronLeft" />
      </button>
      <span aria-label={chat.versionOf(at + 1, siblings.length)} role="status">
        {at + 1}/{siblings.length}
      </span>
      <button
        ref={after}
        type="button"
        className="ui-icon-button chat-sibling"
        aria-label={chat.versionAfter}
        disabled={next === undefined}
        onClick={() => next !== undefined && choose(next, "after")}
      >
        <Icon name="chevronRight" />
      </button>
      {problem !== undefined && siblings.includes(problem.turnId) ? (
        <span className="ui-error" role="alert">
          {chat.versionFailed} {sentence(problem.error)}
        </span>
      ) : null}
    </span>
  );
}

/** Which version it is, and a new one of it; where others have read it, its text is changed in its place instead. */
export function QuestionActions({ message }: ActionProps) {
  const isRoom = use(RoomActsContext)?.here.room !== undefined;
  return (
    <>
      <SiblingNav message={message} />
      {isRoom ? null : <EditButton message={message} />}
    </>
  );
}

/** The editor in the place of a message that its author changes; undefined for all others. */
export function useRevision({ turn_id, author }: BranchMessage) {
  const { chat } = useWords();
  const { revision, revise, askInstead } = use(BranchingContext) ?? {};
  if (revise === undefined || revision?.turnId !== turn_id || author.role !== "user") return undefined;
  const close = (text?: string): void => {
    // While an answer runs the text stays here.
    if (text !== undefined && askInstead === undefined) return;
    if (text !== undefined) askInstead?.(text, turn_id);
    revise(undefined);
  };
  return (
    <div className="chat-revision">
      <WaitingEditor
        text={revision.text}
        caret={revision.caret}
        label={chat.editMessage}
        action={chat.send}
        onChange={(patch) => revise((now) => now && { ...now, ...patch })}
        onClose={close}
      />
    </div>
  );
}
