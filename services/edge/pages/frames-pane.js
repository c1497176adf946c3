import { byId, create } from "./elements.js";

const shownFrames = 200;
const shownCharacters = 2_000;

/** The frames as they went over the wire, newest first, a bounded number of them. Nothing is built while the pane is closed. */
export function createFramesPane() {
  const panel = byId("frames-panel");
  const list = byId("frames");
  const count = byId("frame-count");
  const kept = [];
  let total = 0;

  panel.addEventListener("toggle", () => panel.open && list.replaceChildren(...kept.map(row).toReversed()));
  byId("clear-frames").addEventListener("click", () => {
    kept.length = 0;
    total = 0;
    count.textContent = "0";
    list.replaceChildren();
  });

  function row({ direction, frame, at }) {
    const text = JSON.stringify(frame);
    const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
    return create(
      "li",
      { className: `frame ${direction}` },
      create("span", { className: "frame-head quiet", text: `${direction === "in" ? "↓" : "↑"} ${at} ${frame.type}` }),
      create("code", { text: cut }),
    );
  }

  return {
    add: (direction, frame) => {
      const entry = { direction, frame, at: new Date().toISOString().slice(11, 23) };
      kept.push(entry);
      if (kept.length > shownFrames) kept.shift();
      total += 1;
      count.textContent = String(total);
      if (!panel.open) return;
      list.prepend(row(entry));
      if (list.childElementCount > shownFrames) list.lastElementChild.remove();
    },
  };
}
