import { create, setText } from "./elements.js";

/** What a person fills in to decide: what has to be typed, whether the like is agreed to as well, a reason. */
function createFields(number) {
  const asked = create("code");
  const confirm = createInput(`confirm-${number}`, { testId: "approval-confirm" });
  const like = createInput(`like-${number}`, { testId: "approval-like", type: "checkbox" });
  const likeText = create("span");
  const reason = createInput(`reason-${number}`, { testId: "approval-reason", maxLength: 500 });
  return {
    ...{ asked, confirm, like, likeText, reason },
    toType: create("label", { htmlFor: confirm.id }, "Type ", asked, " to approve", confirm),
    alike: create("label", { htmlFor: like.id, className: "approval-like" }, like, likeText),
    why: create("label", { htmlFor: reason.id, text: "Reason (may be empty)" }, reason),
  };
}

/** The fields and the two buttons. */
export function createApprovalForm(number, onDecide) {
  const { asked, confirm, like, likeText, reason, toType, alike, why } = createFields(number);
  const approve = create("button", { type: "submit", className: "approve", testId: "approve", text: "Approve" });
  const deny = create("button", { type: "button", className: "stop", testId: "deny", text: "Deny" });
  const problem = create("p", { className: "failure", testId: "approval-problem", role: "alert", hidden: true });
  const element = create(
    "form",
    { className: "approval-form", testId: "approval-form" },
    ...[toType, alike, why, create("div", { className: "approval-buttons" }, approve, deny), problem],
  );
  const shown = { callId: "", confirm: undefined, likeMs: undefined, mayAgree: true, isSent: false };

  function show() {
    const isTyped = shown.confirm === undefined || confirm.value.trim() === shown.confirm;
    approve.disabled = shown.isSent || !isTyped;
    deny.disabled = shown.isSent;
  }

  /** Until the server says something against it, it cannot be decided again. */
  function become(isSent, text = "") {
    shown.isSent = isSent;
    problem.hidden = text === "";
    setText(problem, text);
    show();
  }

  function decide(approved) {
    const said = reason.value.trim() === "" ? {} : { reason: reason.value.trim() };
    if (approved && shown.confirm !== undefined) said.confirm = confirm.value.trim();
    if (approved && shown.likeMs !== undefined && like.checked) said.like_ms = shown.likeMs;
    become(true);
    onDecide(shown.callId, approved, said).catch((refused) => become(false, refused.message));
  }

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (shown.mayAgree && !approve.disabled) decide(true);
  });
  deny.addEventListener("click", () => decide(false));
  confirm.addEventListener("input", show);

  return {
    element,
    update({ callId, isOpen, ...terms }) {
      Object.assign(shown, { callId, ...terms });
      element.hidden = !isOpen;
      approve.hidden = !shown.mayAgree;
      toType.hidden = shown.confirm === undefined || !shown.mayAgree;
      setText(asked, shown.confirm ?? "");
      alike.hidden = shown.likeMs === undefined || !shown.mayAgree;
      setText(likeText, `Also approve the like of it here for ${minutes(shown.likeMs ?? 0)}`);
      show();
    },
  };
}

function createInput(id, properties) {
  return create("input", { id, autocomplete: "off", spellcheck: false, ...properties });
}

function minutes(ms) {
  const count = Math.max(1, Math.round(ms / 60_000));
  return count === 1 ? "a minute" : `${count} minutes`;
}
