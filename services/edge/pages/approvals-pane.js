import { createApprovalBox } from "./approval-box.js";
import { byId, create, setText } from "./elements.js";

const everyMs = 5_000;

/** What waits for a person in other people's conversations, for who approves for others. It asks while it is open, and else never. */
export function createApprovalsPane({ token }) {
  const panel = byId("approvals-panel");
  const list = byId("approvals");
  const message = byId("approvals-message");
  const shown = new Map();
  let timer;

  async function ask(path, body) {
    const kept = await token();
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(kept === null || kept === undefined ? {} : { authorization: `Bearer ${kept}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${answer.error} [${answer.code}]`);
    return answer;
  }

  async function look() {
    try {
      const { approvals } = await ask("/api/v1/approvals");
      show(approvals);
      setText(message, approvals.length === 0 ? "Nothing waits." : "");
    } catch (error) {
      setText(message, error.message);
    }
  }

  /** One that is decided here stays until it has been seen. */
  function show(approvals) {
    const open = new Set(approvals.map(({ call_id }) => call_id));
    for (const [call, { element, isDecided }] of shown) {
      if (open.has(call) || isDecided()) continue;
      element.remove();
      shown.delete(call);
    }
    for (const one of approvals.toReversed()) {
      if (shown.has(one.call_id)) continue;
      const card = createCard(one, ask);
      shown.set(one.call_id, card);
      list.prepend(card.element);
    }
  }

  panel.addEventListener("toggle", () => {
    clearInterval(timer);
    if (!panel.open) return;
    void look();
    timer = setInterval(() => document.visibilityState === "visible" && void look(), everyMs);
  });
}

/** One question: who asks for what, and all of it when it is opened. */
function createCard({ conversation_id, call_id, tool_name, summary, user }, ask) {
  const path = `/api/v1/conversations/${conversation_id}/approvals/${call_id}`;
  let approval = { summary };
  let isDecided = false;
  const box = createApprovalBox(decide, { isOther: true });
  const args = create("pre", { testId: "approval-arguments", tabIndex: 0 });
  const problem = create("p", { className: "failure", role: "alert", hidden: true });
  const head = create(
    "summary",
    {},
    create("span", { className: "tool-name", text: tool_name }),
    create("span", { className: "quiet", text: ` for ${user.name ?? user.id}` }),
  );
  const details = create("details", {}, head, args, box.element, problem);
  const element = create("li", { className: "tool", testId: "approval-card" }, details);

  function become(known) {
    approval = { ...approval, ...known };
    box.update({ call_id, approval });
  }

  async function decide(_call, approved, said) {
    const { by, reason, like_for_ms } = await ask(path, { approved, ...said });
    isDecided = true;
    become({ approved, by, reason, like_for_ms });
  }

  details.addEventListener("toggle", async () => {
    if (!details.open || isDecided) return;
    try {
      const { arguments: called, decision, ...question } = await ask(path);
      setText(args, called === undefined ? "" : JSON.stringify(called, undefined, 2));
      become({ ...question, ...decision });
    } catch (error) {
      setText(problem, error.message);
      problem.hidden = false;
    }
  });
  return { element, isDecided: () => isDecided };
}
