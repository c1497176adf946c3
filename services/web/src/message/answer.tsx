import { isSource, type MessageView } from "@parley/protocol/fold";
import { use, useId, useMemo, useState, type ReactNode } from "react";
import { Icon } from "../ui/icon.tsx";
import { Markdown, type CitedSources } from "../text/markdown.tsx";
import { Details } from "./details.tsx";
import { AnswerEnd } from "./answer-end.tsx";
import { AgentName, Progress, WaitsForPerson } from "./progress.tsx";
import { FileView } from "./file-part.tsx";
import { Reasoning } from "./reasoning.tsx";
import { Above, Below, Deleted, isDeleted } from "./extras.tsx";
import { RoomContext, type MessageExtra } from "./room.ts";
import { Sources } from "./sources.tsx";
import { Spoken } from "./spoken.tsx";
import { Time } from "./time.tsx";
import { ToolCard } from "./tool-card.tsx";

interface AnswerProps {
  readonly conversationId: string;
  readonly message: MessageView;
  readonly actions: ReactNode;
  readonly extra: MessageExtra | undefined;
}

/** What an agent answered, its parts in the order in which they came. */
export function Answer({ conversationId, message, actions, extra }: AnswerProps) {
  const nameId = useId();
  const { parts, outcome, turn_id: turnId } = message;
  const isOpen = outcome === undefined;
  // Of an answer that had ended before nothing is said aloud.
  const [wasOpen] = useState(isOpen);
  const agent = outcome?.type === "complete" ? outcome.metadata.agent : undefined;
  const handleOf = use(RoomContext)?.handleOf;
  // As it was called when it answered; else as it is called now.
  const stored = message.author.name ?? (agent === undefined ? undefined : (handleOf?.(agent) ?? agent));
  return (
    <article className="message-answer" aria-labelledby={nameId} aria-busy={isOpen}>
      {extra !== undefined && (
        <span className="ui-avatar people-agent" aria-hidden="true">
          <Icon name="agent" />
        </span>
      )}
      <header className="message-head">
        <span className="message-author" id={nameId}>
          <AgentName conversationId={conversationId} turnId={turnId} stored={stored} />
        </span>
        <Time ts={message.ts} />
      </header>
      <Above extra={extra} />
      {isDeleted(extra) ? <Deleted /> : <Said conversationId={conversationId} message={message} />}
      {wasOpen && <Spoken parts={parts} outcome={outcome} />}
      <Below messageId={message.message_id} extra={extra} />
      {outcome !== undefined && (
        <div className="message-foot">
          {actions}
          <Details outcome={outcome} ts={message.ts} />
        </div>
      )}
    </article>
  );
}

/** Its parts, what is being done for it, and its sources. */
function Said({ conversationId, message }: Pick<AnswerProps, "conversationId" | "message">) {
  const { parts, outcome, turn_id: turnId } = message;
  const isOpen = outcome === undefined;
  const sources = useCitedSources(parts);
  return (
    <>
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
      {outcome !== undefined && <AnswerEnd outcome={outcome} />}
      {/* Not before: what is written would push them down. */}
      {outcome !== undefined && <Sources parts={parts} place={sources.place} />}
    </>
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
  if (isOf(part, "file")) return <FileView part={part} />;
  // Sources stand together below; what only a newer version knows nobody can show.
  return null;
}

type KnownType = "text" | "reasoning" | "tool_call" | "file";

function isOf<T extends KnownType>(part: AnyPart, type: T): part is Extract<AnyPart, { type: T }> {
  return part.type === type;
}
