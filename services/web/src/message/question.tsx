import { filesOf, textOf, type MessageView } from "@parley/protocol/fold";
import { use, useId, useState, type ReactNode } from "react";
import { useWords } from "../words/use-words.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Above, Below, Deleted, Edited, isDeleted, WithMentions } from "./extras.tsx";
import type { MessageExtra } from "./room.ts";
import { FileParts } from "./file-part.tsx";
import { Time } from "./time.tsx";
import { ViewerContext } from "./viewer.ts";

/** Longer ones are folded: a pasted log would push its own answer out of sight. */
const foldedLines = 16;
const foldedChars = 1_600;

interface QuestionProps {
  readonly message: MessageView;
  readonly actions: ReactNode;
  readonly extra?: MessageExtra | undefined;
}

/** What a person wrote, as they wrote it: none of it is read as Markdown. */
export function Question({ message, actions, extra }: QuestionProps) {
  const { message: words } = useWords();
  const { id: viewer } = use(ViewerContext);
  const { isStaff, name } = authorOf(message, viewer);
  const who = name === undefined ? words.you : isStaff ? words.person(name) : name;
  return (
    <article className={classesOf(isStaff, extra)} aria-label={who}>
      {name === undefined ? null : <Who id={message.author.id ?? ""} name={name} who={who} extra={extra} />}
      <Above extra={extra} />
      {isDeleted(extra) ? <Deleted /> : <Said text={extra?.changes?.message ?? textOf(message)} message={message} />}
      <Below messageId={message.message_id} extra={extra} />
      <div className="message-foot message-foot-own">
        {actions}
        <Edited extra={extra} />
        <Time ts={message.ts} />
      </div>
    </article>
  );
}

interface WhoProps extends Pick<QuestionProps, "extra"> {
  readonly id: string;
  readonly name: string;
  readonly who: string;
}

/** Above what somebody else wrote; where it goes on at once it is for ears alone. */
function Who({ id, name, who, extra }: WhoProps) {
  const isContinued = extra?.isContinued === true;
  return (
    <>
      {extra?.isOther === true && !isContinued && <Avatar id={id} name={name} />}
      <span className={isContinued ? "ui-hidden" : "message-author"} dir="auto">
        {who}
      </span>
    </>
  );
}

function classesOf(isStaff: boolean, extra: MessageExtra | undefined): string {
  return [
    "message-question",
    ...(isStaff ? ["message-of-person"] : []),
    ...(extra?.isOther === true ? ["people-other"] : []),
    ...(extra?.mentionsViewer === true ? ["people-mentioned"] : []),
  ].join(" ");
}

/** Its text, and its files. A message of files alone has no text. */
function Said({ text, message }: { readonly text: string; readonly message: MessageView }) {
  const files = filesOf(message.parts);
  return (
    <>
      {(text !== "" || files.length === 0) && <Text text={text} />}
      <FileParts files={files} />
    </>
  );
}

/** Folded where it is long. */
function Text({ text }: { readonly text: string }) {
  const { message: words } = useWords();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const isLong = text.length > foldedChars || hasLines(text, foldedLines);
  return (
    <>
      <div className="message-own" dir="auto" id={id} data-folded={isLong && !isOpen}>
        <WithMentions text={isLong && !isOpen ? beginningOf(text) : text} />
      </div>
      {isLong && (
        <button
          type="button"
          className="message-fold"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? words.showLess : words.showAll}
        </button>
      )}
    </>
  );
}

/** Whether somebody answered in place of the agent; and the name of whoever is not the one who looks at it. */
function authorOf({ author: { role, name, id } }: MessageView, viewer: string | undefined) {
  const isStaff = role === "operator";
  const isOther = viewer !== undefined && id !== undefined && id !== viewer;
  return { isStaff, name: isStaff || isOther ? (name ?? id ?? "") : undefined };
}

function hasLines(text: string, most: number): boolean {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && lines < most; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines >= most;
}

function beginningOf(text: string): string {
  const lines = text.slice(0, foldedChars).split("\n", foldedLines);
  return `${lines.join("\n").trimEnd()}…`;
}
