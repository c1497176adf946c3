import type { Conversation } from "@parley/client";
import { limits } from "@parley/protocol/fold";
import { useTitle } from "@parley/react";
import { use, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { ViewerContext } from "../message/viewer.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface ConversationHeaderProps {
  readonly conversation: Conversation;
  /** Only what has messages can be given a name. */
  readonly phase: "loading" | "empty" | "refused" | "messages";
  /** Stands for a title as long as there is none. */
  readonly beginning?: string | undefined;
  readonly agent: string | undefined;
  readonly start?: ReactNode;
  readonly end?: ReactNode;
}

export function ConversationHeader({ conversation, phase, beginning, agent, start, end }: ConversationHeaderProps) {
  const { chat } = useWords();
  return (
    <header className="chat-header">
      {start}
      <div className="chat-heading">
        {phase === "messages" ? <Title conversation={conversation} beginning={beginning} /> : null}
        {phase === "empty" ? <h1 className="chat-title">{chat.untitled}</h1> : null}
        {agent === undefined ? null : (
          <span className="ui-chip" title={chat.agentInUse(agent)}>
            {agent}
          </span>
        )}
      </div>
      {end}
    </header>
  );
}

function Title({ conversation, beginning = "" }: Pick<ConversationHeaderProps, "conversation" | "beginning">) {
  const { chat } = useWords();
  const title = useTitle(conversation);
  const sentence = useErrorSentence();
  const [isEditing, setEditing] = useState(false);
  const [problem, setProblem] = useState<string>();
  const button = useRef<HTMLButtonElement>(null);
  const { isOperator } = use(ViewerContext);
  const shown = title ?? (beginning === "" ? chat.untitled : beginning);

  const close = (next: string | undefined, isByKey: boolean) => {
    setEditing(false);
    // Who has left the field for another place is there already.
    if (isByKey) requestAnimationFrame(() => button.current?.focus());
    if (next === undefined || next === "" || next === title) return;
    setProblem(undefined);
    conversation.setTitle(next).catch((error: unknown) => setProblem(`${chat.titleFailed} ${sentence(error)}`));
  };
  if (isOperator) return <h1 className="chat-title chat-title-text">{shown}</h1>;
  if (isEditing) return <TitleField initial={title ?? ""} onClose={close} />;
  return (
    <>
      <h1 className="chat-title">
        <button
          ref={button}
          type="button"
          className="chat-title-button"
          aria-label={chat.renameTitle(shown)}
          title={shown}
          onClick={() => setEditing(true)}
        >
          <span className="chat-title-text">{shown}</span>
          <Icon name="edit" />
        </button>
      </h1>
      {problem === undefined ? null : (
        <p className="ui-error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

interface TitleFieldProps {
  readonly initial: string;
  /** Without a text: nothing is to change. */
  readonly onClose: (next: string | undefined, isByKey: boolean) => void;
}

/** Enter and leaving the field take what is in it, Esc does not. */
function TitleField({ initial, onClose }: TitleFieldProps) {
  const { chat } = useWords();
  const [text, setText] = useState(initial);
  const field = useRef<HTMLInputElement>(null);
  const isClosed = useRef(false);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const close = (next: string | undefined, isByKey = true) => {
    if (isClosed.current) return;
    isClosed.current = true;
    onClose(next, isByKey);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") close(text.trim());
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close(undefined);
  };
  return (
    <input
      className="ui-field chat-title-field"
      aria-label={chat.titleLabel}
      maxLength={limits.titleChars}
      value={text}
      ref={field}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => close(text.trim(), false)}
    />
  );
}
