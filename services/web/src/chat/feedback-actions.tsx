import type { MessageView } from "@parley/protocol/fold";
import {
  useId,
  useRef,
  useState,
  useSyncExternalStore,
  type KeyboardEvent,
  type Ref,
  type SyntheticEvent,
} from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { saidHere, type Said } from "./said-here.ts";

interface FeedbackProps {
  readonly conversationId: string;
  readonly message: MessageView;
}

type Stage = "closed" | "asking" | "thanking";

/** Whether an answer was good, stored at once; why, if somebody wants to say it. The same button again takes it back. */
export function FeedbackActions({ conversationId, message }: FeedbackProps) {
  const { chat } = useWords();
  const { said, say, problem } = useFeedback(conversationId, message);
  const [stage, setStage] = useState<Stage>("closed");
  const up = useRef<HTMLButtonElement>(null);
  const down = useRef<HTMLButtonElement>(null);
  /** What had the focus goes: it must not get lost with it. */
  const leaveForm = (next: Stage) => {
    (said?.rating === "up" ? up : down).current?.focus();
    setStage(next);
  };
  const rate = (rating: "up" | "down") => {
    const isTakenBack = said?.rating === rating;
    setStage(isTakenBack ? "closed" : "asking");
    void say(isTakenBack ? undefined : { rating });
  };
  const comment = async (text: string) => {
    if (said === undefined) return;
    if (await say(text === "" ? { rating: said.rating } : { rating: said.rating, comment: text }))
      leaveForm("thanking");
  };
  return (
    <>
      <Thumb ref={up} name="thumbUp" label={chat.good} isPressed={said?.rating === "up"} onPress={() => rate("up")} />
      <Thumb
        ref={down}
        name="thumbDown"
        label={chat.bad}
        isPressed={said?.rating === "down"}
        onPress={() => rate("down")}
      />
      {stage === "asking" && said !== undefined ? (
        <CommentForm initial={said.comment ?? ""} onComment={comment} onClose={() => leaveForm("closed")} />
      ) : null}
      <span className="chat-feedback-state" role="status">
        {stage === "thanking" ? chat.thanks : ""}
      </span>
      {problem === undefined ? null : (
        <p className="ui-error chat-feedback-problem" role="alert">
          {chat.feedbackFailed} {problem}
        </p>
      )}
    </>
  );
}

/** What counts here: what was said on this page last, else what the server has told. A refusal brings back what was there before. */
function useFeedback(conversationId: string, message: MessageView) {
  const api = useApi();
  const sentence = useErrorSentence();
  const here = useSyncExternalStore(saidHere.onChange, () => saidHere.of(message.message_id));
  const [problem, setProblem] = useState<string>();
  /** Only the last of several quick clicks says how things stand. */
  const last = useRef(0);
  /** One after the other: two that are on their way together may arrive in the other order. */
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const said = here === undefined ? saidIn(message) : here.said;

  async function say(next: Said | undefined): Promise<boolean> {
    const turn = ++last.current;
    const known = here;
    saidHere.keep(message.message_id, next);
    setProblem(undefined);
    const sent = before.current.then(() => api.feedback(conversationId, message.message_id, next ?? { rating: null }));
    before.current = sent.catch(() => undefined);
    try {
      await sent;
      return true;
    } catch (error) {
      if (turn !== last.current) return false;
      saidHere.restore(message.message_id, known);
      setProblem(sentence(error));
      return false;
    }
  }
  return { said, say, problem };
}

/** A rating that only a newer version knows is none that this one could show. */
function saidIn({ feedback }: MessageView): Said | undefined {
  if (feedback?.rating !== "up" && feedback?.rating !== "down") return undefined;
  const { rating, comment } = feedback;
  return comment === undefined ? { rating } : { rating, comment };
}

interface ThumbProps {
  readonly ref: Ref<HTMLButtonElement>;
  readonly name: "thumbUp" | "thumbDown";
  readonly label: string;
  readonly isPressed: boolean;
  readonly onPress: () => void;
}

function Thumb({ ref, name, label, isPressed, onPress }: ThumbProps) {
  return (
    <button
      ref={ref}
      type="button"
      className="ui-icon-button chat-action"
      aria-label={label}
      aria-pressed={isPressed}
      title={label}
      onClick={onPress}
    >
      <Icon name={name} />
    </button>
  );
}

/** The server's limit is in bytes; these are characters of up to four. */
const maxCommentChars = 500;

interface CommentFormProps {
  readonly initial: string;
  readonly onComment: (text: string) => Promise<void>;
  readonly onClose: () => void;
}

function CommentForm({ initial, onComment, onClose }: CommentFormProps) {
  const { chat } = useWords();
  const id = useId();
  const [text, setText] = useState(initial);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    void onComment(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form className="chat-comment" onSubmit={submit} onKeyDown={onKeyDown}>
      <label className="ui-label" htmlFor={id}>
        {chat.commentTitle}
      </label>
      <textarea
        id={id}
        className="ui-field"
        rows={2}
        maxLength={maxCommentChars}
        value={text}
        placeholder={chat.commentPlaceholder}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="chat-comment-actions">
        <button type="submit" className="ui-button ui-button-small ui-button-primary">
          {chat.sendComment}
        </button>
        <button type="button" className="ui-button ui-button-small ui-button-quiet" onClick={onClose}>
          {chat.close}
        </button>
      </div>
    </form>
  );
}
