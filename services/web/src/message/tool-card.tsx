import type { ToolCallPart } from "@parley/protocol";
import { memo, useId, useState } from "react";
import { inWrittenOrder } from "../text/letter-order.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { CallApproval } from "./call-approval.tsx";
import { useCallActivity } from "./call-activity.ts";
import { ToolArguments, ToolResult } from "./tool-result.tsx";
import { toolExplanation, toolIcons, toolState, type ToolState } from "./tool-status.ts";
import { useNow } from "../ui/use-now.ts";

interface ToolCardProps {
  readonly call: ToolCallPart;
  readonly conversationId: string;
  readonly isTurnOpen: boolean;
}

/** A tool call in its place between the text: its state at a glance, its arguments and result when it is opened. */
export const ToolCard = memo(function ToolCard({ call, conversationId, isTurnOpen }: ToolCardProps) {
  const { message: words, formats } = useWords();
  const [isOpen, setOpen] = useState(false);
  // Seen before its end: then its time can be measured from here.
  const [isNew] = useState(call.status === undefined && call.approval === undefined);
  const id = useId();
  const state = toolState(call, isTurnOpen);
  // Where a person decided that is said below.
  const explanation =
    state === "denied" && call.approval !== undefined ? undefined : toolExplanation(state, words.tool);
  const { tool_name: name, approval, duration_ms: durationMs } = call;
  return (
    <div className="message-tool" role="group" aria-label={words.tool.name(name)} data-state={state}>
      <button
        type="button"
        className="message-tool-head"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {state === "running" ? <span className="ui-spinner" aria-hidden="true" /> : <Icon name={toolIcons[state]} />}
        {/* The blanks are for its name: pieces without them are read as one word. */}
        <span className="message-tool-name">{name}</span>{" "}
        <span className="message-tool-preview">{previewOf(call.arguments)}</span> <ToolWord state={state} />{" "}
        {durationMs !== undefined && durationMs > 0 && (
          <span className="message-tool-time">{formats.duration(durationMs)}</span>
        )}
        <Icon name="chevronRight" />
      </button>
      {state === "running" && <Running conversationId={conversationId} callId={call.call_id} isNew={isNew} />}
      {explanation !== undefined && <p className="message-tool-note">{explanation}</p>}
      {approval !== undefined && <CallApproval call={call} conversationId={conversationId} isTurnOpen={isTurnOpen} />}
      <div id={id} className="message-tool-body" hidden={!isOpen}>
        {isOpen && (
          <>
            <ToolArguments call={call} />
            {call.result !== undefined && <ToolResult call={call} conversationId={conversationId} />}
          </>
        )}
      </div>
    </div>
  );
});

function ToolWord({ state }: { readonly state: ToolState }) {
  const { message: words } = useWords();
  return <span className="message-tool-word">{words.tool[state]}</span>;
}

interface RunningProps {
  readonly conversationId: string;
  readonly callId: string;
  readonly isNew: boolean;
}

/** What it says while it runs, and for how long that has been. */
function Running({ conversationId, callId, isNew }: RunningProps) {
  const { formats } = useWords();
  const { sinceMs, message } = useCallActivity(conversationId, callId, isNew);
  const now = useNow(sinceMs === undefined ? undefined : 1_000);
  const seconds = sinceMs === undefined ? 0 : Math.floor((now - sinceMs) / 1_000);
  if (message === "" && seconds < 1) return null;
  return (
    <p className="message-tool-note message-tool-activity">
      {seconds >= 1 && <span className="message-tool-time">{formats.duration(seconds * 1_000)}</span>}
      <span>{message}</span>
    </p>
  );
}

const previewChars = 120;

/** Names and values of the arguments, as far as they fit into a line. */
function previewOf(args: ToolCallPart["arguments"]): string {
  const pieces: string[] = [];
  let length = 0;
  for (const [name, value] of Object.entries(args)) {
    if (typeof value === "object" || value === "") continue;
    const said = typeof value === "string" ? value : JSON.stringify(value);
    const text = `${name}: ${said.slice(0, previewChars).replaceAll(/\s+/gu, " ")}`;
    pieces.push(text);
    length += text.length;
    if (length > previewChars) break;
  }
  return inWrittenOrder(pieces.join(" · ").slice(0, previewChars));
}
