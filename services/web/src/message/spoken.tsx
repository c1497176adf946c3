import { isText, textOf, type MessageView } from "@parley/protocol/fold";
import { useEffect, useRef, useState } from "react";
import { sentencesBehind } from "../text/sentences.ts";

/** Between two announcements: a screen reader that is given more than it can say drops or piles it up. */
const everyMs = 1_500;

/** Says an answer to who does not see it: whole sentences while it is written, not tokens. What was there before it is not said. */
export function Spoken({ parts }: { readonly parts: MessageView["parts"] }) {
  const [said, setSaid] = useState("");
  const latest = useRef(parts);
  useEffect(() => {
    latest.current = parts;
  }, [parts]);
  useEffect(() => {
    // What is shown already, when somebody opens the conversation, can be read.
    let at = textOf(latest.current).length;
    const timer = setInterval(() => {
      const last = latest.current.at(-1);
      const isDone = last !== undefined && !isText(last);
      const { sentences, end } = sentencesBehind(textOf(latest.current), at, isDone);
      at = end;
      if (sentences !== "") setSaid(sentences);
    }, everyMs);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className="ui-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
