import { create, setText } from "./elements.js";
import { createToolCard } from "./tool-card.js";
import { describeEnd, describeError } from "./words.js";

const statusWords = {
  sending: "sending…",
  queued: "queued",
  running: "",
  complete: "",
  cancelled: "stopped",
  error: "failed",
};

/** One turn on the page: the question, the tools, the answer in one bubble, and how it ended. */
export function createTurnView() {
  const question = create("div", { className: "question", testId: "question" });
  const status = create("span", { className: "question-state quiet", testId: "turn-status" });
  const tools = create("ul", { className: "tools" });
  const text = create("div", { className: "answer-text", testId: "answer" });
  const failure = create("p", { className: "failure", testId: "error", hidden: true });
  const sources = create("ul", { className: "sources", testId: "sources", hidden: true });
  const meta = create("p", { className: "meta quiet", testId: "turn-meta" });
  const answer = create("div", { className: "answer" }, tools, text, failure, sources, meta);
  const element = create("li", { className: "turn", testId: "turn" }, question, status, answer);
  const cards = new Map();

  return {
    element,
    update: (turn) => {
      element.dataset.status = turn.status;
      setText(question, turn.question ?? "");
      question.hidden = turn.question === undefined;
      setText(status, statusWords[turn.status] ?? turn.status);
      answer.hidden = turn.status === "sending" || turn.status === "queued";
      answer.setAttribute("aria-busy", String(turn.status === "running"));
      growText(text, turn.text);
      updateCards(tools, cards, turn.tools);
      failure.hidden = turn.status !== "error";
      if (turn.status === "error") setText(failure, describeError(turn.outcome));
      updateSources(sources, turn.outcome?.metadata?.context?.sources ?? []);
      setText(meta, describeEnd(turn));
    },
  };
}

/** Appends where it can: writing a long answer anew for every token would be quadratic, and would lose a selection. */
function growText(element, text) {
  const shown = element.textContent;
  if (text === shown) return;
  if (shown === "" || !text.startsWith(shown)) element.textContent = text;
  else element.firstChild.appendData(text.slice(shown.length));
}

function updateCards(list, cards, calls) {
  for (const [id, card] of cards) {
    if (calls.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  for (const [id, call] of calls) {
    const card = cards.get(id) ?? createToolCard();
    cards.set(id, card);
    if (!card.element.isConnected) list.append(card.element);
    card.update(call);
  }
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
