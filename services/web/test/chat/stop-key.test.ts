// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { isForAnswer } from "../../src/chat/keys.ts";

function place(html: string): { target: Element; pane: Element } {
  document.body.innerHTML = html;
  const [target, pane] = [document.querySelector("#here"), document.querySelector("section")];
  if (target === null || pane === null) throw new Error("The test has no such place.");
  return { target, pane };
}

test.each([
  ["the box", "<section><textarea id=here></textarea></section>"],
  ["a window that the whole pane stands in", "<dialog open><section><p id=here></p></section></dialog>"],
])("Esc in %s is for the answer", (_, html) => {
  const { target, pane } = place(html);
  expect(isForAnswer(target, pane)).toBe(true);
});

test.each([
  ["the reader of a source", "<section><dialog open><button id=here></button></dialog></section>"],
  ["a note that is open", "<section><div popover><p id=here></p></div></section>"],
  ["the form of an approval", "<section><form><input id=here></form></section>"],
])("Esc in %s is not", (_, html) => {
  const { target, pane } = place(html);
  expect(isForAnswer(target, pane)).toBe(false);
});
