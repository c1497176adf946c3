import type { Outcome } from "@parley/protocol";
import { useId, useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords, type Words } from "../words/use-words.ts";

interface DetailsProps {
  readonly outcome: Outcome;
  readonly ts: number | undefined;
}

/** Who answered, when, and what it cost: quiet, one press away. */
export function Details({ outcome, ts }: DetailsProps) {
  const words = useWords();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const name = words.message.details.name;
  return (
    <>
      <button
        type="button"
        className="ui-icon-button message-details-button"
        aria-expanded={isOpen}
        aria-controls={id}
        aria-label={name}
        title={name}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      <dl className="message-details" id={id} hidden={!isOpen}>
        {isOpen &&
          detailsOf(outcome, ts, words).map(([what, value]) => (
            <div key={what}>
              <dt>{what}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}

function detailsOf(outcome: Outcome, ts: number | undefined, { message, formats }: Words): [string, string][] {
  const { details } = message;
  const { usage } = outcome;
  const { agent, model, confidence } = outcome.type === "complete" ? outcome.metadata : {};
  const tokens = details.tokens(formats.number(usage.input_tokens), formats.number(usage.output_tokens));
  const hasUsage = usage.input_tokens > 0 || usage.output_tokens > 0;
  return [
    ...row(details.agent, agent),
    ...row(details.model, model),
    ...row(details.sure, confidence === undefined ? undefined : formats.number(confidence, { style: "percent" })),
    ...row(
      details.usage,
      !hasUsage ? undefined : usage.estimated === true ? `${tokens} (${details.estimated})` : tokens,
    ),
    ...row(details.answeredAt, ts === undefined ? undefined : formats.full(ts)),
    ...row(details.code, outcome.type === "error" ? outcome.code : undefined),
  ];
}

function row(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
