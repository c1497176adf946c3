import { textOf, type MessageView } from "@parley/protocol/fold";
import { useId, useState, type ReactNode } from "react";
import { useWords } from "../words/use-words.ts";
import { Time } from "./time.tsx";

/** Longer ones are folded: a pasted log would push its own answer out of sight. */
const foldedLines = 16;
const foldedChars = 1_600;

interface QuestionProps {
  readonly message: MessageView;
  readonly actions: ReactNode;
}

/** What a person wrote, as they wrote it: none of it is read as Markdown. */
export function Question({ message, actions }: QuestionProps) {
  const { message: words } = useWords();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const text = textOf(message);
  const isLong = text.length > foldedChars || hasLines(text, foldedLines);
  const person = personIn(message);
  const who = person === undefined ? words.you : words.person(person);
  return (
    <article
      className={person === undefined ? "message-question" : "message-question message-of-person"}
      aria-label={who}
    >
      {person !== undefined && <span className="message-author">{who}</span>}
      <div className="message-own" dir="auto" id={id} data-folded={isLong && !isOpen}>
        {isLong && !isOpen ? beginningOf(text) : text}
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
      <div className="message-foot message-foot-own">
        {actions}
        <Time ts={message.ts} />
      </div>
    </article>
  );
}

/** Who answered in place of the agent. */
function personIn({ author: { role, name, id = "" } }: MessageView): string | undefined {
  return role === "operator" ? (name ?? id) : undefined;
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
