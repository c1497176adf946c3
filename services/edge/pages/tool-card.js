import { createApprovalBox } from "./approval-box.js";
import { create, setText } from "./elements.js";
import { duration } from "./words.js";

/** A tool call: its state at a glance, its arguments and result when opened. */
export function createToolCard(onDecide) {
  const name = create("span", { className: "tool-name", testId: "tool-name" });
  const preview = create("code", { className: "tool-preview quiet" });
  const status = create("span", { className: "tool-status", testId: "tool-status" });
  const simulated = create("span", {
    className: "chip warn",
    testId: "tool-simulated",
    text: "simulated",
    hidden: true,
  });
  const icon = create("span", { className: "tool-icon", ariaHidden: "true" });
  const args = create("pre", { testId: "tool-arguments", tabIndex: 0 });
  const result = create("pre", { testId: "tool-result", tabIndex: 0 });
  const resultPart = create("div", { hidden: true }, label("Result"), result);
  const summary = create("summary", {}, icon, name, preview, simulated, status);
  const body = create("div", { className: "tool-body" }, label("Arguments"), args, resultPart);
  const approval = createApprovalBox(onDecide);
  const details = create("details", {}, summary, body);
  const element = create("li", { className: "tool", testId: "tool-card" }, details, approval.element);

  return {
    element,
    update: (call) => {
      const state = call.status ?? (isWaiting(call) ? "waiting" : "running");
      element.dataset.status = state;
      setText(name, call.tool_name);
      setText(preview, previewOf(call.arguments));
      setText(status, call.duration_ms === undefined ? state : `${state} · ${duration(call.duration_ms)}`);
      setText(args, JSON.stringify(call.arguments, undefined, 2));
      resultPart.hidden = call.result === undefined;
      setText(result, `${call.result ?? ""}${call.truncated === true ? "\n(cut: the result was longer)" : ""}`);
      simulated.hidden = !isSimulated(call.result);
      approval.update(call);
    },
  };
}

function isWaiting({ approval }) {
  return approval !== undefined && approval.approved === undefined;
}

function label(text) {
  return create("p", { className: "label quiet", text });
}

function previewOf(args) {
  const text = Object.entries(args ?? {})
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Simulators say so in what they answer. */
export function isSimulated(text) {
  return text !== undefined && /simulated/i.test(text);
}
