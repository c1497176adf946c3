// @vitest-environment happy-dom
import { act, useEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDraftsOf, DraftsOf } from "../../src/chat/kept-texts.ts";
import { useDraft } from "../../src/chat/use-draft.ts";

const drafts = createDraftsOf("mira");
let root: Root;
let change: (text: string) => void = () => undefined;

function Box() {
  const [text, setText] = useDraft("c1");
  useEffect(() => {
    change = setText;
  });
  return text;
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  localStorage.clear();
  root = createRoot(document.createElement("div"));
});
afterEach(() => localStorage.clear());

test("a tab in which nothing was typed does not take away what another one has kept", () => {
  act(() =>
    root.render(
      <DraftsOf value={drafts}>
        <Box />
      </DraftsOf>,
    ),
  );
  drafts.keep("c1", "typed in the other tab");
  act(() => root.unmount());
  expect(drafts.read("c1")).toBe("typed in the other tab");
});

test("what another tab has sent does not come back from one that had only shown it", () => {
  drafts.keep("c1", "hello");
  act(() =>
    root.render(
      <DraftsOf value={drafts}>
        <Box />
      </DraftsOf>,
    ),
  );
  drafts.keep("c1", "");
  globalThis.dispatchEvent(new Event("pagehide"));
  act(() => root.unmount());
  expect(drafts.read("c1")).toBe("");
});

test("what was typed a moment ago is kept when the page goes", () => {
  act(() =>
    root.render(
      <DraftsOf value={drafts}>
        <Box />
      </DraftsOf>,
    ),
  );
  act(() => change("half a thou"));
  globalThis.dispatchEvent(new Event("pagehide"));
  expect(drafts.read("c1")).toBe("half a thou");
  act(() => root.unmount());
});
