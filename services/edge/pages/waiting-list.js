import { create } from "./elements.js";

/** Messages that wait behind another one: each can be changed or taken back until its turn begins. */
export function createWaitingList(list, { onChange, onTakeBack }) {
  const rows = new Map();

  const rowOf = (turnId) => {
    const text = create("input", { testId: "waiting-text", ariaLabel: "Message that waits", autocomplete: "off" });
    const back = create("button", { testId: "take-back", className: "plain", type: "button", text: "Take back" });
    const form = create("form", {}, text, back);
    const element = create("li", { testId: "waiting" }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      text.blur();
      if (text.value.trim() !== "") onChange(turnId, text.value);
    });
    back.addEventListener("click", () => onTakeBack(turnId));
    return { element, text };
  };

  return (waiting) => {
    const ids = new Set(waiting.map(({ id }) => id));
    for (const [id, { element }] of rows) {
      if (ids.has(id)) continue;
      element.remove();
      rows.delete(id);
    }
    for (const { id, text } of waiting) {
      const row = rows.get(id) ?? rowOf(id);
      rows.set(id, row);
      // Whoever is writing there is not disturbed.
      if (document.activeElement !== row.text && row.text.value !== text) row.text.value = text;
      if (!row.element.isConnected) list.append(row.element);
    }
    list.hidden = waiting.length === 0;
  };
}
