import { useState } from "react";
import { useConversation, useProgress, type ProgressStep } from "@parley/react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface OfTurn {
  readonly conversationId: string;
  readonly turnId: string;
}

/** The agent that answers, as soon as one was chosen; `stored` once it has. Where an answer fails nobody stores it: then it is the one that was seen. */
export function AgentName({ conversationId, turnId, stored }: OfTurn & { readonly stored: string | undefined }) {
  const { message: words } = useWords();
  const steps = useProgress(useConversation(conversationId), turnId);
  const chosen = steps.findLast(({ agent }) => agent !== undefined)?.agent;
  const [seen, setSeen] = useState(chosen);
  if (chosen !== undefined && chosen !== seen) setSeen(chosen);
  return stored ?? chosen ?? seen ?? words.agent;
}

/** While nothing of the answer is there all steps are shown, then the last one alone: what is read does not move. */
const stepsShown = 5;

interface ProgressProps extends OfTurn {
  readonly hasParts: boolean;
  /** The part above says what is being done: the line is empty, so that nothing moves when it is not any more. */
  readonly isToldAbove: boolean;
}

/** What is being done for an answer that is not there yet. */
export function Progress({ conversationId, turnId, hasParts, isToldAbove }: ProgressProps) {
  const { message: words } = useWords();
  const steps = useProgress(useConversation(conversationId), turnId);
  if (isToldAbove) return <div className="message-progress message-step" aria-hidden="true" />;
  const shown = steps.slice(hasParts ? -1 : -stepsShown);
  return (
    <ul className="message-progress" aria-label={words.progress.name}>
      {shown.length === 0 && <Step message={hasParts ? words.writing : words.progress.starting} isRunning />}
      {shown.map((step, index) => (
        <Step
          key={step.step + String(index)}
          message={step.message}
          facts={step}
          isRunning={index === shown.length - 1}
        />
      ))}
    </ul>
  );
}

/** Nothing goes on until somebody has decided, so nothing turns. */
export function WaitsForPerson() {
  const { message: words } = useWords();
  return (
    <p className="message-progress message-step">
      <Icon name="hand" />
      <span className="message-step-text">{words.progress.waiting}</span>
    </p>
  );
}

interface StepProps {
  readonly message: string;
  readonly facts?: ProgressStep;
  readonly isRunning: boolean;
}

function Step({ message, facts, isRunning }: StepProps) {
  const { message: words, formats } = useWords();
  const { agent, confidence, sources } = facts ?? {};
  const said = [
    ...(agent === undefined ? [] : [agent]),
    ...(confidence === undefined ? [] : [words.progress.sure(formats.number(confidence, { style: "percent" }))]),
    ...(sources === undefined || sources.length === 0 ? [] : [words.progress.sources(sources.length)]),
  ];
  return (
    <li className="message-step">
      {isRunning ? <span className="ui-spinner" aria-hidden="true" /> : <Icon name="check" />}
      <span className="message-step-text">{[message, ...said].join(" · ")}</span>
    </li>
  );
}
