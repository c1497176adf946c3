import { isSource, type MessageView } from "@parley/protocol/fold";
import { useId, useMemo, useState, type ReactNode } from "react";
import { Markdown, type CitedSources } from "../text/markdown.tsx";
import { Details } from "./details.tsx";
import { AnswerEnd } from "./answer-end.tsx";
import { AgentName, Progress, WaitsForPerson } from "./progress.tsx";
import { Reasoning } from "./reasoning.tsx";
import { Sources } from "./sources.tsx";
import { Spoken } from "./spoken.tsx";
import { Time } from "./time.tsx";
import { ToolCard } from "./tool-card.tsx";

interface AnswerProps {
  readonly conversationId: string;
  readonly message: MessageView;
  readonly actions: ReactNode;
}

/** What an agent answered, its parts in the order in which they came. */
export function Answer({ conversationId, message, actions }: AnswerProps) {
  const nameId = useId();
  const { parts, outcome, turn_id: turnId } = message;
  const isOpen = outcome === undefined;
  const sources = useCitedSources(parts);
  // Of an answer that had ended before nothing is said aloud.
  const [wasOpen] = useState(isOpen);
  const agent = outcome?.type === "complete" ? outcome.metadata.agent : undefined;
  return (
    <article className="message-answer" aria-labelledby={nameId} aria-busy={isOpen}>
      <header className="message-head">
        <span className="message-author" id={nameId}>
          <AgentName conversationId={conversationId} turnId={turnId} stored={agent} />
        </span>
        <Time ts={message.ts} />
      </header>
      <div className="message-parts">
        {parts.map((part, index) => (
          // Parts only ever come behind others.
          <Part
            key={index}
            part={part}
            conversationId={conversationId}
            isTurnOpen={isOpen}
            isLast={isOpen && index === parts.length - 1}
            sources={sources}
          />
        ))}
      </div>
      {message.status === "waiting" && isOpen && <WaitsForPerson />}
      {isOpen && message.status !== "waiting" && (
        <Progress
          conversationId={conversationId}
          turnId={turnId}
          hasParts={parts.some(isShown)}
          isToldAbove={isRunningCall(parts.at(-1))}
        />
      )}
      {wasOpen && <Spoken parts={parts} outcome={outcome} />}
      {outcome !== undefined && <AnswerEnd outcome={outcome} />}
      {/* Not before: what is written would push them down. */}
      {outcome !== undefined && <Sources parts={parts} place={sources.place} />}
      {outcome !== undefined && (
        <div className="message-foot">
          {actions}
          <Details outcome={outcome} ts={message.ts} />
        </div>
      )}
    </article>
  );
}

type AnyPart = MessageView["parts"][number];

function isShown({ type }: AnyPart): boolean {
  return type !== "source";
}

/** It has a spinner of its own. */
function isRunningCall(part: AnyPart | undefined): boolean {
  return part !== undefined && isOf(part, "tool_call") && part.status === undefined;
}

interface PartProps {
  readonly part: AnyPart;
  readonly conversationId: string;
  readonly isTurnOpen: boolean;
  /** It may go on. */
  readonly isLast: boolean;
  readonly sources: CitedSources;
}

/** The same object as long as there are as many: texts are read again when it changes. */
function useCitedSources(parts: MessageView["parts"]): CitedSources {
  const id = useId();
  const count = parts.filter(isSource).length;
  return useMemo(() => ({ count, place: `source-${id.replaceAll(/\W/gu, "")}-` }), [id, count]);
}

function Part({ part, conversationId, isTurnOpen, isLast, sources }: PartProps) {
  if (isOf(part, "text")) {
    return (
      <div className="text-body">
        <Markdown text={part.text} isStreaming={isLast} sources={sources} />
      </div>
    );
  }
  if (isOf(part, "reasoning")) return <Reasoning part={part} isThinking={isLast} />;
  if (isOf(part, "tool_call")) return <ToolCard call={part} conversationId={conversationId} isTurnOpen={isTurnOpen} />;
  // Sources stand together below; what only a newer version knows nobody can show.
  return null;
}

type KnownType = "text" | "reasoning" | "tool_call";

function isOf<T extends KnownType>(part: AnyPart, type: T): part is Extract<AnyPart, { type: T }> {
  return part.type === type;
}
