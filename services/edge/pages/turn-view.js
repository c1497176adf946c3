import { isReasoning, isSource, isText, isToolCall } from "@parley/protocol/fold";
import { create, setText } from "./elements.js";
import { createToolCard } from "./tool-card.js";
import { describeEnd, describeError } from "./words.js";

const statusWords = {
  sending: "sending…",
  queued: "queued",
  running: "",
  waiting: "waits for a person",
  complete: "",
  cancelled: "stopped",
  error: "failed",
};

/** One turn on the page: the question, the answer's parts in their order, and how it ended. `onDecide`: on a call that waits for a person. */
export function createTurnView(onDecide) {
  const question = create("div", { className: "question", testId: "question" });
  const status = create("span", { className: "question-state quiet", testId: "turn-status" });
  const parts = create("ol", { className: "parts", testId: "parts" });
  const failure = create("p", { className: "failure", testId: "error", hidden: true });
  const sources = create("ul", { className: "sources", testId: "sources", hidden: true });
  const meta = create("p", { className: "meta quiet", testId: "turn-meta" });
  const answer = create("div", { className: "answer" }, parts, failure, sources, meta);
  const element = create("li", { className: "turn", testId: "turn" }, question, status, answer);
  const shown = [];

  return {
    element,
    update: (turn) => {
      element.dataset.status = turn.status;
      setText(question, turn.question ?? "");
      question.hidden = turn.question === undefined;
      setText(status, statusWords[turn.status] ?? turn.status);
      answer.hidden = turn.status === "sending" || turn.status === "queued";
      answer.setAttribute("aria-busy", String(turn.status === "running"));
      updateParts(parts, shown, turn.parts.filter(isShown), onDecide);
      failure.hidden = turn.status !== "error";
      if (turn.status === "error") setText(failure, describeError(turn.outcome));
      updateSources(sources, turn.parts.filter(isSource));
      setText(meta, describeEnd(turn));
    },
  };
}

const isShown = (part) => isText(part) || isReasoning(part) || isToolCall(part);

const makers = { text: createText, reasoning: createReasoning, tool_call: createToolCard };

/** A part that is the same object as before looks as before. */
function updateParts(list, shown, parts, onDecide) {
  for (const { element } of shown.splice(parts.length)) element.remove();
  for (const [place, part] of parts.entries()) {
    const known = shown[place];
    if (known?.part === part) continue;
    const isSame = known?.part.type === part.type && known.part.call_id === part.call_id;
    const { element, update } = isSame ? known : makers[part.type](onDecide);
    if (!isSame && known !== undefined) known.element.replaceWith(element);
    else if (!isSame) list.append(element);
    update(part);
    shown[place] = { part, element, update };
  }
}

function createText() {
  const element = create("li", { className: "answer-text", testId: "answer" });
  // What sets it apart from the text before a call is the call.
  return { element, update: ({ text }) => growText(element, text.trimStart()) };
}

function createReasoning() {
  const text = create("div", { className: "reasoning-text quiet", testId: "reasoning" });
  const summary = create("summary", { className: "quiet", text: "Reasoning" });
  const element = create("li", { className: "reasoning" }, create("details", {}, summary, text));
  return { element, update: (part) => growText(text, part.text) };
}

/** Appends where it can: writing a long answer anew for every token would be quadratic, and would lose a selection. */
function growText(element, text) {
  const shown = element.textContent;
  if (text === shown) return;
  if (shown === "" || !text.startsWith(shown)) element.textContent = text;
  else element.firstChild.appendData(text.slice(shown.length));
}

function updateSources(list, sources) {
  list.hidden = sources.length === 0;
  if (list.childElementCount === sources.length) return;
  list.replaceChildren(
    ...sources.map(({ title, score }) =>
      create("li", { className: "chip", text: score === undefined ? title : `${title} · ${score.toFixed(2)}` }),
    ),
  );
}
