import { create, setText } from "./elements.js";
import { describeDecision, describeUntil } from "./words.js";

let boxes = 0;

/** A call that waits for a person: what would be done, what that would change, and the two buttons; later how it was decided. */
export function createApprovalBox(onDecide) {
  boxes += 1;
  const summary = create("p", { className: "approval-summary", testId: "approval-summary" });
  const until = create("p", { className: "quiet approval-until", testId: "approval-until" });
  const preview = create("pre", { className: "approval-preview", testId: "approval-preview", tabIndex: 0 });
  const decision = create("p", { className: "approval-decision", testId: "approval-decision", role: "status" });
  const form = createForm(boxes, onDecide);
  const element = create(
    "div",
    { className: "approval", testId: "approval", role: "group", ariaLabel: "Approval", hidden: true },
    ...[summary, preview, until, form.element, decision],
  );

  return {
    element,
    update: ({ call_id, approval, status }) => {
      element.hidden = approval === undefined;
      if (approval === undefined) return;
      const isOpen = status === undefined && approval.approved === undefined;
      element.dataset.state = stateOf(approval, isOpen);
      setText(summary, approval.summary ?? "");
      setText(until, isOpen ? describeUntil(approval.expires_at) : "");
      showPreview(preview, isOpen ? approval.preview : undefined);
      form.update(call_id, isOpen, approval.confirm);
      setText(decision, isOpen ? "" : describeDecision(approval));
    },
  };
}

function stateOf({ approved }, isOpen) {
  if (isOpen) return "pending";
  return approved === true ? "approved" : "denied";
}

function createInput(id, properties) {
  return create("input", { id, autocomplete: "off", spellcheck: false, ...properties });
}

function onSubmit(form, listener) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    listener();
  });
}

function createForm(number, onDecide) {
  const asked = create("code");
  const confirm = createInput(`confirm-${number}`, { testId: "approval-confirm" });
  const toType = create("label", { htmlFor: confirm.id }, "Type ", asked, " to approve", confirm);
  const reason = createInput(`reason-${number}`, { testId: "approval-reason", maxLength: 500 });
  const why = create("label", { htmlFor: reason.id, text: "Reason (may be empty)" }, reason);
  const approve = create("button", { type: "submit", className: "approve", testId: "approve", text: "Approve" });
  const deny = create("button", { type: "button", className: "stop", testId: "deny", text: "Deny" });
  const problem = create("p", { className: "failure", testId: "approval-problem", role: "alert", hidden: true });
  const buttons = create("div", { className: "approval-buttons" }, approve, deny);
  const element = create(
    "form",
    { className: "approval-form", testId: "approval-form" },
    toType,
    why,
    buttons,
    problem,
  );
  const shown = { callId: "", wanted: undefined, isSent: false };

  function show() {
    approve.disabled = shown.isSent || (shown.wanted !== undefined && confirm.value.trim() !== shown.wanted);
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
    if (approved && shown.wanted !== undefined) said.confirm = confirm.value.trim();
    become(true);
    onDecide(shown.callId, approved, said).catch((refused) => become(false, refused.message));
  }

  onSubmit(element, () => approve.disabled || decide(true));
  deny.addEventListener("click", () => decide(false));
  confirm.addEventListener("input", show);

  return {
    element,
    update(callId, isOpen, wanted) {
      Object.assign(shown, { callId, wanted });
      element.hidden = !isOpen;
      toType.hidden = wanted === undefined;
      setText(asked, wanted ?? "");
      show();
    },
  };
}

/** Lines that a diff adds and takes away look like it; anything else is shown as it is. */
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
      return create("span", { className: diffClass(line), text });
    }),
  );
}

function diffClass(line) {
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "";
}
