import { useEffect, useEffectEvent, useRef } from "react";
import { useWords } from "../words/use-words.ts";
import { meaningOf } from "./keys.ts";
import { messageIn, sizeOf } from "./message-size.ts";

/** A place in a text, or a part of it. */
export interface Caret {
  readonly start: number;
  readonly end: number;
}

export interface EditorProps {
  readonly text: string;
  /** Where its author is when it appears; undefined: elsewhere, and nothing is taken from them. */
  readonly caret: Caret | undefined;
  readonly action: string;
  /** Whose text it is. Default: that of a message that waits. */
  readonly label?: string;
  readonly onChange: (patch: { readonly text?: string; readonly caret?: Caret | undefined }) => void;
  /** Without a text: nothing is to change. */
  readonly onClose: (text?: string) => void;
}

/** For the text of a message that waits. It may be taken away and shown elsewhere while somebody types: they are where they were. */
export function WaitingEditor({ text, caret, action, label, onChange, onClose }: EditorProps) {
  const { chat } = useWords();
  const field = useRef<HTMLTextAreaElement>(null);
  const message = messageIn(text);
  const mayClose = message !== "" && !sizeOf(message).isAbove;
  const begin = useEffectEvent(() => {
    if (caret === undefined) return;
    field.current?.focus();
    field.current?.setSelectionRange(caret.start, caret.end);
  });
  useEffect(() => begin(), []);
  const note = ({
    currentTarget: { selectionStart: start, selectionEnd: end },
  }: {
    currentTarget: HTMLTextAreaElement;
  }) => onChange({ caret: { start, end } });
  return (
    <div className="chat-waiting-editor">
      <textarea
        ref={field}
        className="ui-field"
        aria-label={label ?? chat.editLabel}
        rows={2}
        value={text}
        onChange={(event) => {
          onChange({ text: event.target.value });
          note(event);
        }}
        // Not `onSelect`: React has none for what is inside a shadow root.
        onKeyUp={note}
        onPointerUp={note}
        onFocus={note}
        onBlur={() => onChange({ caret: undefined })}
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
      <EditorActions
        action={action}
        onAction={mayClose ? () => onClose(message) : undefined}
        onCancel={() => onClose()}
      />
    </div>
  );
}

interface EditorActionsProps {
  readonly action: string;
  /** Undefined: the text cannot be taken as it is. */
  readonly onAction: (() => void) | undefined;
  readonly onCancel: () => void;
}

function EditorActions({ action, onAction, onCancel }: EditorActionsProps) {
  const { chat } = useWords();
  return (
    <div className="chat-waiting-actions">
      <button
        type="button"
        className="ui-button ui-button-small ui-button-primary"
        disabled={onAction === undefined}
        onClick={onAction}
      >
        {action}
      </button>
      <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onCancel}>
        {chat.cancel}
      </button>
    </div>
  );
}
