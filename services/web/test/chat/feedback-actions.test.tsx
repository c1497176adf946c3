// @vitest-environment happy-dom
import type { MessageView } from "@parley/protocol/fold";
import { afterEach, expect, test } from "vitest";
import { FeedbackActions } from "../../src/chat/feedback-actions.tsx";
import { closeRendered, rendered } from "../message/rendered.tsx";

afterEach(closeRendered);

/** As much of an answer as its feedback needs. */
const answerOf = (id: string) => ({ message_id: id }) as unknown as MessageView;

test("of two quick ratings the second goes out when the first has been answered", async () => {
  const asked: (string | null)[] = [];
  const answers: (() => void)[] = [];
  const feedback = (_conversation: string, _message: string, { rating }: { readonly rating: string | null }) => {
    asked.push(rating);
    return new Promise<void>((resolve) => answers.push(resolve));
  };
  const page = await rendered(<FeedbackActions conversationId="c" message={answerOf("m-quick")} />, { feedback });
  await page.press("Good answer");
  await page.press("Bad answer");
  expect(asked).toEqual(["up"]);
  answers[0]?.();
  await expect.poll(() => asked).toEqual(["up", "down"]);
  answers[1]?.();
});

test("who closes the comment by a key is at the rating again", async () => {
  const feedback = () => Promise.resolve();
  const page = await rendered(<FeedbackActions conversationId="c" message={answerOf("m-focus")} />, { feedback });
  await page.press("Bad answer");
  page.find("textarea").focus();
  await page.press("Close");
  expect(document.activeElement).toBe(page.button("Bad answer"));
});
