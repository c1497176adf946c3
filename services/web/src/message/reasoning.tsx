import type { Part } from "@parley/protocol";
import { useEffect, useId, useRef, useState } from "react";
import { Markdown } from "../text/markdown.tsx";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface ReasoningProps {
  readonly part: Extract<Part, { type: "reasoning" }>;
  /** It goes on. */
  readonly isThinking: boolean;
}

/** What the model thought before it answered: folded, unless the agent wants it to be seen. */
export function Reasoning({ part, isThinking }: ReasoningProps) {
  const { message: words, formats } = useWords();
  const [isOpen, setOpen] = useState(part.shown === true);
  const tookMs = useDuration(isThinking);
  const id = useId();
  const said = isThinking
    ? words.reasoning.thinking
    : tookMs === undefined
      ? ""
      : words.reasoning.took(formats.duration(tookMs));
  return (
    <div className="message-reasoning" data-thinking={isThinking}>
      <div className="message-reasoning-head">
        <button
          type="button"
          className="message-disclosure"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name="chevronRight" />
          {words.reasoning.name}
        </button>
        {said !== "" && <span className="message-quiet">{said}</span>}
      </div>
      <div id={id} className="message-reasoning-text text-body" hidden={!isOpen}>
        {isOpen && <Markdown text={part.text} isStreaming={isThinking} />}
      </div>
    </div>
  );
}

/** How long it was, where it was seen from its beginning to its end: nobody stores that. Whole seconds, as it is only seen from here. */
function useDuration(isThinking: boolean): number | undefined {
  const [tookMs, setTookMs] = useState<number>();
  const beganAt = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (isThinking) beganAt.current ??= Date.now();
    else if (beganAt.current !== undefined) setTookMs(Math.max(1_000, roundedMs(Date.now() - beganAt.current)));
  }, [isThinking]);
  return tookMs;
}

function roundedMs(ms: number): number {
  return Math.round(ms / 1_000) * 1_000;
}
