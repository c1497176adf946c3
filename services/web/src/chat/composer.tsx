import { useConnection } from "@parley/react";
import {
  useEffect,
  useImperativeHandle,
  useRef,
  type ClipboardEvent,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  type RefObject,
} from "react";
import { useSettings } from "../settings/use-settings.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { AttachButtons } from "./attach-buttons.tsx";
import { AttachmentList } from "./attachment-list.tsx";
import { meaningOf } from "./keys.ts";
import { MentionList } from "./mention-list.tsx";
import type { Candidate } from "./mentions.ts";
import { messageIn, sizeOf, type MessageSize } from "./message-size.ts";
import type { BoxFiles } from "./use-attachments.ts";
import { useDraft } from "./use-draft.ts";
import { useMentions } from "./use-mentions.ts";

export interface ComposerHandle {
  /** Only where that brings up no keyboard that nobody has asked for. */
  readonly focus: () => void;
  /** Puts a text into the box, in front of what is there. */
  readonly fill: (text: string) => void;
}

interface ComposerProps {
  readonly ref?: Ref<ComposerHandle>;
  /** Under which name the draft is kept. */
  readonly draftOf: string;
  /** An answer runs: what is sent waits behind it, or takes its place at once. */
  readonly running: "no" | "yes" | "stopping";
  /** False: it was not taken, and stays in the box. */
  readonly onSend: (text: string, atOnce: boolean) => boolean;
  readonly onStop: () => void;
  /** What the person sent last. */
  readonly lastOwn: () => string | undefined;
  readonly pickers: ReactNode;
  /** Whom an `@` can mean; nobody: it is a character as all others. */
  readonly candidates?: readonly Candidate[] | undefined;
  /** With each change: whether there is something in the box. */
  readonly onTyping?: ((isTyping: boolean) => void) | undefined;
  /** In place of `lastOwn`: opens the last own message to be changed. False: there is none. */
  readonly onRecall?: (() => boolean) | undefined;
  /** Absent: messages are of text alone. */
  readonly files?: BoxFiles | undefined;
}

const nobody: readonly Candidate[] = [];

/** The box in which messages are written. What is in it stays until it is sent, whatever happens around it. */
export function Composer({ ref, draftOf, running, onSend, onStop, pickers, ...props }: ComposerProps) {
  const { lastOwn, candidates = nobody, onTyping, onRecall, files } = props;
  const { sendsWithEnter } = useSettings();
  const [text, setText] = useDraft(draftOf);
  const field = useRef<HTMLTextAreaElement>(null);
  const message = messageIn(text);
  const size = sizeOf(message);
  const maySend = mayBeSent(message, size, files);
  useEffect(() => fitHeight(field.current));
  useFocusAtFirst(field);
  const mentions = useMentions({ field, text, setText, candidates });
  useHandle(ref, field, setText);
  const send = (atOnce: boolean) => {
    if (!maySend) return;
    if (onSend(message, atOnce)) {
      setText("");
      files?.clear();
    }
    field.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (mentions.onKeyDown(event)) return;
    const meaning = meaningOf(event.nativeEvent, { text, sendsWithEnter });
    if (meaning === undefined) return;
    event.preventDefault();
    if (meaning === "send") send(false);
    else if (onRecall?.() !== true) setText(lastOwn() ?? "");
  };
  return (
    <div className="chat-composer" data-above={size.isAbove ? "" : undefined}>
      {candidates.length > 0 && <MentionList {...mentions.list} />}
      <Box
        {...{ field, text, running, files, mentions, onKeyDown }}
        isAbove={size.isAbove}
        onChange={(next) => {
          setText(next);
          mentions.note();
          onTyping?.(next !== "");
        }}
      />
      {files !== undefined && <AttachmentList files={files} />}
      <ComposerNotes size={size} />
      <ComposerBar
        {...{ running, maySend, onStop }}
        onSend={send}
        pickers={<Pickers {...{ files }}>{pickers}</Pickers>}
      />
    </div>
  );
}

function Pickers({ files, children }: Pick<ComposerProps, "files"> & { readonly children: ReactNode }) {
  return (
    <>
      {files !== undefined && <AttachButtons files={files} />}
      {children}
    </>
  );
}

interface BoxProps extends Pick<ComposerProps, "running" | "files"> {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly text: string;
  readonly isAbove: boolean;
  readonly mentions: Pick<ReturnType<typeof useMentions>, "props">;
  readonly onChange: (text: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

function Box({ field, text, isAbove, running, files, mentions, onChange, onKeyDown }: BoxProps) {
  const { chat } = useWords();
  return (
    <textarea
      ref={field}
      className="chat-box"
      aria-label={chat.box}
      aria-invalid={isAbove}
      rows={1}
      placeholder={running === "no" ? chat.placeholder : chat.placeholderBusy}
      value={text}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={onKeyDown}
      onPaste={(event) => pasteFiles(event, files)}
      {...mentions.props}
    />
  );
}

/** Files alone are a message too; one that is still on its way is waited for. */
function mayBeSent(message: string, { isAbove }: MessageSize, files: BoxFiles | undefined): boolean {
  const hasFiles = files !== undefined && files.items.length > 0;
  return !isAbove && (message !== "" || hasFiles) && (files === undefined || files.areReady);
}

/** What brings both, such as cells of a table, is pasted as its text. */
function pasteFiles(event: ClipboardEvent, files: BoxFiles | undefined): void {
  const { clipboardData: data } = event;
  if (files === undefined || data.files.length === 0 || data.types.includes("text/plain")) return;
  event.preventDefault();
  files.add([...data.files]);
}

function useHandle(
  ref: Ref<ComposerHandle> | undefined,
  field: RefObject<HTMLTextAreaElement | null>,
  setText: (text: string) => void,
): void {
  useImperativeHandle(ref, () => ({
    focus: () => focusUnasked(field.current),
    fill: (next) => {
      setText(next);
      field.current?.focus({ preventScroll: true });
    },
  }));
}

function useFocusAtFirst(field: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => focusUnasked(field.current), [field]);
}

/** Where a finger would have the keyboard come up, nobody has asked for it. */
function focusUnasked(field: HTMLTextAreaElement | null): void {
  if (globalThis.matchMedia?.("(pointer: fine)").matches) field?.focus({ preventScroll: true });
}

interface ComposerBarProps extends Pick<ComposerProps, "running" | "onStop" | "pickers"> {
  readonly maySend: boolean;
  readonly onSend: (atOnce: boolean) => void;
}

function ComposerBar({ running, maySend, onSend, onStop, pickers }: ComposerBarProps) {
  const { chat } = useWords();
  const { sendsWithEnter } = useSettings();
  const isBusy = running !== "no";
  return (
    <div className="chat-composer-bar">
      {pickers}
      <span className="chat-hint">{sendsWithEnter ? chat.hintEnter : chat.hintModifier}</span>
      <div className="chat-composer-buttons">
        {isBusy && maySend ? (
          <button
            type="button"
            className="ui-button ui-button-small ui-button-quiet"
            title={chat.sendNowHint}
            onClick={() => onSend(true)}
          >
            {chat.sendNow}
          </button>
        ) : null}
        {isBusy ? <StopButton isStopping={running === "stopping"} onStop={onStop} /> : null}
        {isBusy && !maySend ? null : (
          <button
            type="button"
            className="chat-send"
            aria-label={chat.send}
            title={chat.send}
            // Not `disabled`: a button that has the focus and is disabled gives it to nobody.
            aria-disabled={!maySend}
            onClick={() => onSend(false)}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
    </div>
  );
}

function StopButton({ isStopping, onStop }: { readonly isStopping: boolean; readonly onStop: () => void }) {
  const { chat } = useWords();
  return (
    <button
      type="button"
      className="chat-stop"
      aria-label={isStopping ? chat.stopping : chat.stop}
      title={isStopping ? chat.stopping : chat.stop}
      aria-disabled={isStopping}
      onClick={isStopping ? undefined : onStop}
    >
      {isStopping ? <span className="ui-spinner" /> : <Icon name="stop" />}
      {isStopping ? <span className="chat-stop-word">{chat.stopping}</span> : null}
    </button>
  );
}

/** What must be known before sending: that it is too long, nearly so, or that nothing goes out at the moment. */
function ComposerNotes({ size }: { readonly size: MessageSize }) {
  const { chat, formats } = useWords();
  const { isOnline } = useConnection();
  const kilobytes = (bytes: number) =>
    `${formats.number(Math.abs(bytes) / 1024, { maximumFractionDigits: 1, minimumFractionDigits: 1 })} KB`;
  if (size.isAbove) {
    return (
      <p className="ui-error chat-note" role="alert">
        {chat.tooLarge(kilobytes(size.bytes), kilobytes(size.bytes + size.leftBytes))}
      </p>
    );
  }
  return (
    <>
      {size.isNear ? (
        <p className="ui-note chat-note" role="status">
          {chat.bytesLeft(kilobytes(size.leftBytes))}
        </p>
      ) : null}
      {isOnline ? null : (
        <p className="ui-note chat-note" role="status">
          {chat.offline}
        </p>
      )}
    </>
  );
}

const growsItself = globalThis.CSS?.supports?.("field-sizing", "content") ?? false;

/** Where the browser does not let a field grow with its text by itself. */
function fitHeight(field: HTMLTextAreaElement | null): void {
  if (growsItself || field === null) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
