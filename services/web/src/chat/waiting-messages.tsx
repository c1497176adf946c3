import type { Conversation } from "@parley/client";
import { limits, textOf, type QueuedTurn } from "@parley/protocol/fold";
import { useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { useKeptFocus } from "./kept-focus.ts";
import { WaitingEditor, type Caret, type EditorProps } from "./waiting-editor.tsx";

interface WaitingMessagesProps {
  readonly conversation: Conversation;
  readonly waiting: readonly QueuedTurn[];
  /** False: it was not taken. */
  readonly onSend: (text: string) => boolean;
  /** What had the focus here is gone, and the focus with it. */
  readonly onFocusLost: () => void;
}

/** What somebody types stays when the message it was for has left the list. */
interface Editing {
  readonly turnId: string;
  readonly text: string;
  /** Where they are in it; undefined: elsewhere on the page. */
  readonly caret: Caret | undefined;
}

/** What waits for its turn, in its order. It is the server's word: each device shows the same and may change it until its answer begins. */
export function WaitingMessages({ conversation, waiting, onSend, onFocusLost }: WaitingMessagesProps) {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  const [problem, setProblem] = useState<string>();
  const { editing, left, edit, change, close } = useEditing();
  const focus = useKeptFocus(onFocusLost);
  const attempt = (work: Promise<void>, ifTooLate: string) => {
    setProblem(undefined);
    work.catch((error: unknown) => setProblem(isConflict(error) ? ifTooLate : sentence(error)));
  };
  const save = (turnId: string, text: string | undefined) => {
    close(turnId);
    if (text !== undefined) attempt(conversation.changeQueued(turnId, text), chat.alreadyBegun);
  };
  const hasBegun = editing !== undefined && !waiting.some(({ turn_id }) => turn_id === editing.turnId);
  if (waiting.length === 0 && problem === undefined && !hasBegun) return null;
  return (
    <div className="chat-waiting" {...focus}>
      {waiting.length === 0 ? null : <p className="chat-waiting-count">{chat.waitingHint(waiting.length)}</p>}
      <ul className="chat-waiting-list" aria-label={chat.waiting}>
        {waiting.map((turn) => (
          <WaitingMessage
            key={turn.turn_id}
            text={textIn(turn)}
            edited={turn.turn_id === editing?.turnId ? editing : undefined}
            isLeft={turn.turn_id === left}
            onChange={change}
            onEdit={mayEdit(conversation, turn) ? () => edit(turn) : undefined}
            onEdited={(text) => save(turn.turn_id, text)}
            onTakeBack={() => attempt(conversation.takeBack(turn.turn_id), chat.takenTooLate)}
          />
        ))}
      </ul>
      {hasBegun ? (
        <BegunMeanwhile
          {...editing}
          onChange={change}
          onClose={(text) => {
            if (text === undefined || onSend(text)) close();
          }}
        />
      ) : null}
      {problem === undefined ? null : <Problem text={problem} onClose={() => setProblem(undefined)} />}
    </div>
  );
}

function useEditing() {
  const [editing, setEditing] = useState<Editing>();
  /** Whose editor was just closed. */
  const [left, setLeft] = useState<string>();
  return {
    editing,
    left,
    edit: (turn: QueuedTurn) => {
      const text = textIn(turn);
      setEditing({ turnId: turn.turn_id, text, caret: { start: text.length, end: text.length } });
    },
    change: (patch: Partial<Editing>) => setEditing((now) => (now === undefined ? now : { ...now, ...patch })),
    close: (turnId?: string) => {
      setEditing(undefined);
      setLeft(turnId);
    },
  } as const;
}

function Problem({ text, onClose }: { readonly text: string; readonly onClose: () => void }) {
  const { chat } = useWords();
  return (
    <p className="ui-error chat-waiting-problem" role="alert">
      {text}
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onClose}>
        {chat.close}
      </button>
    </p>
  );
}

function textIn({ message }: QueuedTurn): string {
  return message === undefined ? "" : textOf(message.parts);
}

/** Of a long message that this page has not seen the server tells only the beginning: whoever changed that would cut it. */
function mayEdit({ view }: Conversation, turn: QueuedTurn): boolean {
  const isSeen = view.turns.some(({ turn_id, message }) => turn_id === turn.turn_id && message !== undefined);
  return isSeen || JSON.stringify(textIn(turn)).length < limits.waitingTextBytes / 4;
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "CONFLICT";
}

interface WaitingMessageProps {
  readonly text: string;
  /** What it shall become; undefined: nobody is changing it. */
  readonly edited: Editing | undefined;
  /** Its editor was closed: the focus is on what had opened it. */
  readonly isLeft: boolean;
  readonly onChange: EditorProps["onChange"];
  readonly onEdit: (() => void) | undefined;
  readonly onEdited: (text?: string) => void;
  readonly onTakeBack: () => void;
}

function WaitingMessage({ text, edited, isLeft, onChange, onEdit, onEdited, onTakeBack }: WaitingMessageProps) {
  const { chat } = useWords();
  if (edited !== undefined) {
    return (
      <li className="chat-waiting-message">
        <WaitingEditor {...edited} action={chat.save} onChange={onChange} onClose={onEdited} />
      </li>
    );
  }
  return (
    <li className="chat-waiting-message">
      <p className="chat-waiting-text">{text}</p>
      {onEdit === undefined ? null : (
        <button type="button" className="ui-button ui-button-small ui-button-quiet" autoFocus={isLeft} onClick={onEdit}>
          {chat.edit}
        </button>
      )}
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onTakeBack}>
        {chat.takeBack}
      </button>
    </li>
  );
}

/** The answer was quicker: what was typed can go as a message of its own. */
function BegunMeanwhile(props: Omit<EditorProps, "action">) {
  const { chat } = useWords();
  return (
    <div className="chat-waiting-message">
      <p className="ui-error" role="alert">
        {chat.begunWhileEditing}
      </p>
      <WaitingEditor {...props} action={chat.send} />
    </div>
  );
}
