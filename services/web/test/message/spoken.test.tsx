// @vitest-environment happy-dom
import type { Outcome } from "@parley/protocol";
import { afterEach, expect, test, vi } from "vitest";
import { Spoken } from "../../src/message/spoken.tsx";
import { closeRendered, rendered } from "./rendered.tsx";

afterEach(async () => {
  vi.useRealTimers();
  await closeRendered();
});

const parts = (text: string) => [{ type: "text", text } as const];
const usage = { input_tokens: 1, output_tokens: 1 };
const cut: Outcome = {
  type: "complete",
  response: "",
  message_id: "a",
  tool_calls: [],
  usage,
  metadata: { finish: "length" },
};

test("whole sentences of what is new are said, then the rest and how it ended", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "clearTimeout", "clearInterval"] });
  const { box, show, acting } = await rendered(<Spoken parts={parts("It was there. ")} outcome={undefined} />);
  const later = () => acting(() => vi.advanceTimersByTime(1_600));
  await later();
  expect(box.textContent).toBe("");
  await show(<Spoken parts={parts("It was there. **One** pod fails. The oth")} outcome={undefined} />);
  await later();
  expect(box.textContent).toBe("One pod fails.");
  await show(<Spoken parts={parts("It was there. **One** pod fails. The other")} outcome={cut} />);
  await later();
  expect(box.textContent).toBe("The other The answer was cut off: the model had reached its limit of words.");
});
