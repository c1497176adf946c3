// @vitest-environment happy-dom
import type { MessageView } from "@parley/protocol/fold";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { RowView } from "../../src/chat/row-view.tsx";

test("a message that cannot be shown says so in its place, and takes nothing else with it", () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  // React tells of it, as it should.
  const told = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const author = { role: "assistant" };
  const message: MessageView = {
    ...{ message_id: "m", turn_id: "t", author, status: "complete" },
    get parts(): never {
      throw new RangeError("Maximum call stack size exceeded");
    },
  };
  const place = document.createElement("div");
  const root = createRoot(place);
  act(() =>
    root.render(
      <>
        <RowView conversationId="c" row={{ kind: "message", key: "m", message }} isLast />
        <RowView conversationId="c" row={{ kind: "day", key: "d", ts: Date.now() }} isLast={false} />
      </>,
    ),
  );
  expect(place.textContent).toContain("This message could not be shown.");
  expect(place.textContent).toContain("Today");
  act(() => root.unmount());
  told.mockRestore();
});
