import { createApprovalForm } from "./approval-form.js";
import { create, setText } from "./elements.js";
import { describeDecision, describeLeft } from "./words.js";

let boxes = 0;

/**
 * A call that waits for a person: what would be done, what that would change, why somebody is asked, until when, and the two buttons; later how it was decided.
 * `isOther`: whoever looks is not the one for whom it would be done.
 */
export function createApprovalBox(onDecide, { isOther = false } = {}) {
  boxes += 1;
  const summary = create("p", { id: `approval-${boxes}`, className: "approval-summary", testId: "approval-summary" });
  const why = create("p", { className: "quiet approval-note", testId: "approval-why" });
  const eyes = create("p", { className: "approval-note", testId: "approval-four-eyes" });
  const until = create("p", { className: "quiet approval-until", testId: "approval-until", role: "timer" });
  const preview = create("pre", { className: "approval-preview", testId: "approval-preview", tabIndex: 0 });
  const decision = create("p", { className: "approval-decision", testId: "approval-decision", role: "status" });
  const form = createApprovalForm(boxes, onDecide);
  const element = create(
    "div",
    { className: "approval", testId: "approval", role: "group", hidden: true },
    ...[summary, why, preview, eyes, until, form.element, decision],
  );
  element.setAttribute("aria-labelledby", summary.id);
  preview.setAttribute("role", "region");
  preview.setAttribute("aria-label", "What would change");

  return {
    element,
    update: ({ call_id, approval, status }) => {
      element.hidden = approval === undefined;
      if (approval === undefined) return;
      const isOpen = status === undefined && approval.approved === undefined;
      element.dataset.state = stateOf(approval, isOpen);
      setText(summary, approval.summary ?? "");
      setText(why, isOpen ? (approval.policy_reason ?? "") : "");
      setText(eyes, isOpen && approval.four_eyes === true ? fourEyesWords(isOther) : "");
      showPreview(preview, isOpen ? approval.preview : undefined);
      countDown(until, isOpen ? approval.expires_at : undefined);
      form.update({ callId: call_id, isOpen, mayAgree: isOther || approval.four_eyes !== true, ...termsOf(approval) });
      setText(decision, isOpen ? "" : describeDecision(approval));
    },
  };
}

function stateOf({ approved }, isOpen) {
  if (isOpen) return "pending";
  return approved === true ? "approved" : "denied";
}

function termsOf({ confirm, like_ms: likeMs }) {
  return { confirm, likeMs };
}

function fourEyesWords(isOther) {
  return isOther
    ? "Four eyes: who asked for it cannot agree to it, so somebody else has to."
    : "Four eyes: somebody else has to agree to this. You can only deny it.";
}

/** Lines that a diff adds and takes away look like it, and are told apart without colours too; anything else is shown as it is. */
function showPreview(element, preview) {
  element.hidden = preview === undefined;
  if (preview === undefined || element.dataset.text === preview.text) return;
  element.dataset.text = preview.text;
  element.dataset.kind = preview.kind;
  if (preview.kind !== "diff") return setText(element, preview.text);
  const lines = preview.text.split("\n");
  element.replaceChildren(
    ...lines.map((line, i) => {
      const text = i === lines.length - 1 ? line : `${line}\n`;
      if (line.startsWith("+")) return create("ins", { className: "added", text });
      return line.startsWith("-") ? create("del", { className: "removed", text }) : create("span", { text });
    }),
  );
}

/** Elements that show how much time is left, and of which time; one clock for all of them, which stands while there are none. */
const counting = new Map();
let clock;
const soonMs = 60_000;

function countDown(element, endMs) {
  if (endMs === undefined) counting.delete(element);
  else counting.set(element, endMs);
  showLeft(element, endMs);
  if (counting.size > 0) clock ??= setInterval(tick, 1_000);
}

function tick() {
  for (const [element, endMs] of counting) {
    // Of a conversation that the page has left.
    if (element.isConnected) showLeft(element, endMs);
    else counting.delete(element);
  }
  if (counting.size > 0) return;
  clearInterval(clock);
  clock = undefined;
}

function showLeft(element, endMs) {
  const leftMs = endMs === undefined ? undefined : endMs - Date.now();
  element.dataset.soon = String(leftMs !== undefined && leftMs < soonMs);
  setText(element, describeLeft(leftMs, endMs));
}
