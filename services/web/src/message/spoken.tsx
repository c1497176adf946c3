import type { Outcome } from "@parley/protocol";
import { isText, textOf, type MessageView } from "@parley/protocol/fold";
import { useEffect, useRef, useState } from "react";
import { sentencesBehind } from "../text/sentences.ts";
import { useEnd } from "./answer-end.tsx";

/** Between two announcements: a screen reader that is given more than it can say drops or piles it up. */
const everyMs = 1_500;

interface SpokenProps {
  readonly parts: MessageView["parts"];
  readonly outcome: Outcome | undefined;
}

/** Says an answer to who does not see it: whole sentences while it is written, not tokens, and how it ended. What was there before it is not said. */
export function Spoken({ parts, outcome }: SpokenProps) {
  const [said, setSaid] = useState("");
  const latest = useRef(parts);
  const spokenTo = useRef<number | undefined>(undefined);
  const end = useEnd(outcome)?.sentence;
  const isOver = outcome !== undefined;
  useEffect(() => {
    latest.current = parts;
    // What is shown already, when somebody opens the conversation, can be read.
    spokenTo.current ??= textOf(parts).length;
  }, [parts]);
  useEffect(() => {
    const speak = (isEnd: boolean): void => {
      const last = latest.current.at(-1);
      const isDone = isEnd || (last !== undefined && !isText(last));
      const next = sentencesBehind(textOf(latest.current), spokenTo.current ?? 0, isDone);
      spokenTo.current = next.end;
      const sentences = [next.sentences, isEnd ? (end ?? "") : ""].filter((one) => one !== "").join(" ");
      if (sentences !== "") setSaid(sentences);
    };
    // The last ones once more at a person's pace: what was said a moment ago is heard first.
    const timer = isOver ? setTimeout(() => speak(true), everyMs) : setInterval(() => speak(false), everyMs);
    return () => clearTimeout(timer);
  }, [isOver, end]);
  return (
    <div className="ui-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
