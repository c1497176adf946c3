import type { Conversation } from "@parley/client";
import { limits, textOf, type QueuedTurn } from "@parley/protocol/fold";
import { useEffect, useRef, useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { meaningOf } from "./keys.ts";
import { messageIn, sizeOf } from "./message-size.ts";

interface WaitingMessagesProps {
  readonly conversation: Conversation;
  readonly waiting: readonly QueuedTurn[];
  /** False: it was not taken. */
  readonly onSend: (text: string) => boolean;
}

/** What somebody types stays when the message it was for has left the list. */
interface Editing {
  readonly turnId: string;
  readonly text: string;
}

/** What waits for its turn, in its order. It is the server's word: each device shows the same and may change it until its answer begins. */
export function WaitingMessages({ conversation, waiting, onSend }: WaitingMessagesProps) {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  const [problem, setProblem] = useState<string>();
  const [editing, setEditing] = useState<Editing>();
  const attempt = (work: Promise<void>, ifTooLate: string) => {
    setProblem(undefined);
    work.catch((error: unknown) => setProblem(isConflict(error) ? ifTooLate : sentence(error)));
  };
  const save = (turnId: string, text: string | undefined) => {
    setEditing(undefined);
    if (text !== undefined) attempt(conversation.changeQueued(turnId, text), chat.alreadyBegun);
  };
  const hasBegun = editing !== undefined && !waiting.some(({ turn_id }) => turn_id === editing.turnId);
  if (waiting.length === 0 && problem === undefined && !hasBegun) return null;
  return (
    <div className="chat-waiting">
      {waiting.length === 0 ? null : <p className="chat-waiting-count">{chat.waitingHint(waiting.length)}</p>}
      <ul className="chat-waiting-list" aria-label={chat.waiting}>
        {waiting.map((turn) => (
          <WaitingMessage
            key={turn.turn_id}
            text={textIn(turn)}
            edited={turn.turn_id === editing?.turnId ? editing.text : undefined}
            onText={(text) => setEditing({ turnId: turn.turn_id, text })}
            onEdit={
              mayEdit(conversation, turn) ? () => setEditing({ turnId: turn.turn_id, text: textIn(turn) }) : undefined
            }
            onEdited={(text) => save(turn.turn_id, text)}
            onTakeBack={() => attempt(conversation.takeBack(turn.turn_id), chat.takenTooLate)}
          />
        ))}
      </ul>
      {hasBegun ? (
        <BegunMeanwhile
          text={editing.text}
          onText={(text) => setEditing({ ...editing, text })}
          onClose={(text) => {
            if (text === undefined || onSend(text)) setEditing(undefined);
          }}
        />
      ) : null}
      {problem === undefined ? null : <Problem text={problem} onClose={() => setProblem(undefined)} />}
    </div>
  );
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
  readonly edited: string | undefined;
  readonly onText: (text: string) => void;
  readonly onEdit: (() => void) | undefined;
  readonly onEdited: (text?: string) => void;
  readonly onTakeBack: () => void;
}

function WaitingMessage({ text, edited, onText, onEdit, onEdited, onTakeBack }: WaitingMessageProps) {
  const { chat } = useWords();
  if (edited !== undefined) {
    return (
      <li className="chat-waiting-message">
        <WaitingEditor text={edited} action={chat.save} onText={onText} onClose={onEdited} />
      </li>
    );
  }
  return (
    <li className="chat-waiting-message">
      <p className="chat-waiting-text">{text}</p>
      {onEdit === undefined ? null : (
        <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onEdit}>
          {chat.edit}
        </button>
      )}
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onTakeBack}>
        {chat.takeBack}
      </button>
    </li>
  );
}

interface EditorProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  /** Without a text: nothing is to change. */
  readonly onClose: (text?: string) => void;
}

/** The answer was quicker: what was typed can go as a message of its own. */
function BegunMeanwhile(props: EditorProps) {
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

function WaitingEditor({ text, action, onText, onClose }: EditorProps & { readonly action: string }) {
  const { chat } = useWords();
  const field = useRef<HTMLTextAreaElement>(null);
  const message = messageIn(text);
  const mayClose = message !== "" && !sizeOf(message).isAbove;
  useEffect(() => field.current?.focus(), []);
  return (
    <div className="chat-waiting-editor">
      <textarea
        ref={field}
        className="ui-field"
        aria-label={chat.editLabel}
        rows={2}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !event.nativeEvent.isComposing) {
            event.stopPropagation();
            onClose();
          }
          if (meaningOf(event.nativeEvent, { text, sendsWithEnter: true }) !== "send") return;
          event.preventDefault();
          if (mayClose) onClose(message);
        }}
      />
      <div className="chat-waiting-actions">
        <button
          type="button"
          className="ui-button ui-button-small ui-button-primary"
          disabled={!mayClose}
          onClick={() => onClose(message)}
        >
          {action}
        </button>
        <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={() => onClose()}>
          {chat.cancel}
        </button>
      </div>
    </div>
  );
}
