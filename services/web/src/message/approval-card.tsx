import type { ToolCallPart } from "@parley/protocol";
import { Diff } from "../text/diff.tsx";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { ApprovalForm, type Decide } from "./approval-form.tsx";
import { minutes } from "./approval-times.ts";
import { useNow } from "../ui/use-now.ts";

export type AskedCall = Pick<ToolCallPart, "call_id" | "tool_name" | "status" | "approval">;

export interface ApprovalCardProps {
  readonly call: AskedCall;
  /** Resolves when that is what was decided; rejects with what stood against it. */
  readonly decide: Decide;
  /** Whoever looks is not the one for whom it would be done. */
  readonly isOther?: boolean;
  /** The answer ended before anybody decided. */
  readonly isOver?: boolean;
  /** There is no connection: what is decided now is sent later. */
  readonly isOffline?: boolean;
  /** How far the clock here is ahead of the server's. */
  readonly aheadMs?: number;
}

/** A call that waits for a person: what would be done, what that would change, why somebody is asked, until when; later how it was decided. */
export function ApprovalCard(props: ApprovalCardProps) {
  const { call, isOver = false } = props;
  const { message: words } = useWords();
  const { approval = {}, status, tool_name: name } = call;
  const isAsked = approval.approved === undefined && status === undefined && !isOver;
  const decided = approval.approved === true ? "approved" : "denied";
  return (
    <div
      className="message-approval"
      role="group"
      aria-label={words.approval.name(name)}
      data-state={isAsked ? "open" : decided}
    >
      {isAsked ? <Question {...props} approval={approval} /> : <Decision approval={approval} />}
    </div>
  );
}

function Question(props: ApprovalCardProps & { readonly approval: Approval }) {
  const { approval, decide, isOther = false, isOffline = false, aheadMs = 0 } = props;
  const { message: words } = useWords();
  const { expires_at: endMs, policy_reason: why, preview } = approval;
  return (
    <>
      <p className="message-approval-kind">
        <span className="message-approval-title">
          <Icon name="hand" />
          {questionWords(approval, isOther, words.approval)}
        </span>
        {endMs !== undefined && <CountDown endMs={endMs + aheadMs} />}
      </p>
      <Summary approval={approval} />
      {why !== undefined && <p className="message-quiet">{why}</p>}
      {preview !== undefined && <Preview preview={preview} />}
      {approval.four_eyes === true && (
        <p className="message-approval-eyes">
          <Icon name="person" />
          {isOther ? words.approval.fourEyesOther : words.approval.fourEyes}
        </p>
      )}
      <ApprovalForm approval={approval} decide={decide} isOther={isOther} isOffline={isOffline} />
    </>
  );
}

function questionWords({ four_eyes: isForOthers }: Approval, isOther: boolean, words: ApprovalWords): string {
  if (isOther) return words.questionOther;
  return isForOthers === true ? words.questionFourEyes : words.question;
}

function Summary({ approval }: { readonly approval: Approval }) {
  return approval.summary === undefined ? null : <p className="message-approval-summary">{approval.summary}</p>;
}

type Approval = NonNullable<AskedCall["approval"]>;

function Preview({ preview: { kind, text } }: { readonly preview: NonNullable<Approval["preview"]> }) {
  const { message: words } = useWords();
  return (
    <div className="message-preview" role="region" aria-label={words.approval.preview} tabIndex={0}>
      {kind === "diff" ? <Diff text={text} /> : <pre className="message-preview-text">{text}</pre>}
    </div>
  );
}

/** How it was decided, by whom, and why. */
function Decision({ approval }: { readonly approval: Approval }) {
  const { message: words } = useWords();
  return (
    <>
      <p className="message-approval-kind">
        <Icon name={approval.approved === true ? "check" : "denied"} />
        <span>{decisionWords(approval, words.approval)}</span>
      </p>
      <Summary approval={approval} />
    </>
  );
}

type ApprovalWords = ReturnType<typeof useWords>["message"]["approval"];

function decisionWords({ approved, by, reason, like_for_ms: likeMs }: Approval, words: ApprovalWords): string {
  if (approved === undefined) return words.stopped;
  if (by === undefined && !approved) return words.expired;
  const how = howWords(approved, by === undefined ? undefined : (by.name ?? by.id), words);
  const alike = likeMs === undefined ? [] : [words.alike(minutes(likeMs))];
  const because = reason === undefined || reason === "" ? [] : [words.because(reason)];
  return [how, ...alike, ...because].join(" · ");
}

function howWords(approved: boolean, who: string | undefined, words: ApprovalWords): string {
  if (who === undefined) return approved ? words.approved : words.denied;
  return approved ? words.approvedBy(who) : words.deniedBy(who);
}

const soonMs = 60_000;

/** The broker's clock decides; this only tells what it will probably say. */
function CountDown({ endMs }: { readonly endMs: number }) {
  const { message: words, formats } = useWords();
  const now = useNow(1_000);
  const leftMs = endMs - now;
  return (
    <span className="message-count-down" role="timer" data-soon={leftMs < soonMs}>
      <Icon name="clock" />
      {leftMs <= 0 ? words.approval.lapsed : words.approval.left(leftWords(leftMs, formats))}
    </span>
  );
}

function leftWords(leftMs: number, { duration, number }: ReturnType<typeof useWords>["formats"]): string {
  const wholeMs = Math.ceil(leftMs / 1_000) * 1_000;
  const hours = Math.floor(wholeMs / 3_600_000);
  if (hours === 0) return duration(wholeMs);
  return `${number(hours)} h ${number(Math.floor((wholeMs % 3_600_000) / 60_000))} min`;
}
