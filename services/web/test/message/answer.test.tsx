// @vitest-environment happy-dom
import type { MessageView } from "@parley/protocol/fold";
import { afterEach, describe, expect, test } from "vitest";
import { xssPayloadsFor } from "../../../../test/browser/xss-payloads.ts";
import { Message } from "../../src/message/message.tsx";
import { loadMarkdown } from "../../src/text/markdown.tsx";
import { loadWords, WordsProvider } from "../../src/words/use-words.ts";
import { states } from "../gallery/states.ts";
import { closeRendered, rendered } from "./rendered.tsx";

afterEach(closeRendered);

function messageOf(wanted: string) {
  const state = states.find(({ name }) => name === wanted);
  if (state === undefined) throw new Error(`There is no state ${wanted}.`);
  return state.message;
}

function failed(code: string, error: string, more: { readonly retry_after_ms?: number } = {}): MessageView {
  const { outcome, ...message } = messageOf("failed for good");
  if (outcome?.type !== "error") throw new Error("It did not fail.");
  return { ...message, outcome: { ...outcome, ...more, code, error } };
}

const shown = async (name: string) => {
  await loadMarkdown();
  return rendered(<Message conversationId="c1" message={messageOf(name)} />);
};

describe("an answer", () => {
  test("has its parts in the order in which they came", async () => {
    const { box } = await shown("tools");
    const parts = [...box.querySelectorAll(".text-body, .message-tool-name")].map(({ textContent }) => textContent);
    expect(parts.slice(0, 4)).toEqual(["I look at the pods.", "list_pods", "One of them fails. Its log:", "pod_log"]);
  });

  test("is named after its agent", async () => {
    const { box, find } = await shown("cut");
    const name = find("article").getAttribute("aria-labelledby") ?? "";
    expect(box.querySelector(`[id="${name}"]`)?.textContent).toBe("kubernetes");
  });

  test.each([
    ["cut", "The answer was cut off: the model had reached its limit of words."],
    ["empty", "The model answered with nothing."],
    ["stopped", "You stopped this answer."],
    ["failed", "The language model cannot be reached. Trying again may help."],
    ["failed for good", "The quota is used up. Trying the same again will not help."],
  ])("says how it ended: %s", async (name, sentence) => {
    expect((await shown(name)).find(".message-end").textContent).toBe(sentence);
  });

  test("says when there is more of a quota", async () => {
    const message = failed("QUOTA_EXCEEDED", "The quota is used up.", { retry_after_ms: 5 * 3_600_000 + 61_000 });
    const { find } = await rendered(<Message conversationId="c1" message={message} />);
    expect(find(".message-end").textContent).toBe("The quota is used up. Try again in 5 h 1 min.");
  });

  test("says what a guard says in the guard's own words, in every language", async () => {
    await loadWords("de");
    const message = failed("BLOCKED", "Das besprechen wir hier nicht.");
    const { find } = await rendered(
      <WordsProvider language="de">
        <Message conversationId="c1" message={message} />
      </WordsProvider>,
    );
    expect(find(".message-end").textContent).toMatch(/^Das besprechen wir hier nicht\. Dasselbe/);
  });

  test("has headings below those of the page", async () => {
    const { box } = await shown("Markdown");
    expect(box.querySelector("h1, h2:not(.ui-hidden)")).toBeNull();
    expect(box.querySelector("h3")?.textContent).toBe("What is wrong");
  });

  test("opens what a source says, in a dialog of its name", async () => {
    const { press, find, box } = await shown("Markdown");
    await press("1Runbook › Secrets");
    expect(find("dialog").getAttribute("aria-label")).toBe("Source: Runbook › Secrets");
    expect(find("dialog blockquote").textContent).toContain("A secret is read once.");
    await press("Next source");
    expect(box.querySelector("dialog blockquote")).toBeNull();
    expect(find("dialog").textContent).toContain("The passage itself is not kept");
  });

  test("says what it cost, one press away", async () => {
    const { press, find } = await shown("cut");
    await press("Details of this answer");
    expect(find(".message-details").textContent).toContain("1,834 read, 412 written");
  });
});

describe("a tool call", () => {
  test("says in words how it ended", async () => {
    const { box } = await shown("tools");
    expect([...box.querySelectorAll(".message-tool-word")].map(({ textContent }) => textContent)).toEqual([
      "Completed",
      "Completed",
      "Failed",
      "Unknown",
      "Denied",
      "Timed out",
      "Cancelled",
    ]);
    expect(box.textContent).toContain("nobody knows what came of it");
  });

  test("shows the beginning of a long result, and the whole of it on demand", async () => {
    await loadMarkdown();
    const whole = { call_id: "r1", tool_name: "pod_log", arguments: {}, status: "completed", duration_ms: 1 };
    const { box, press, acting } = await rendered(<Message conversationId="c1" message={messageOf("tools")} />, {
      wholeResult: () => Promise.resolve({ ...whole, result: "all of it" }),
    });
    const [, log] = box.querySelectorAll<HTMLButtonElement>(".message-tool-head");
    await acting(() => log?.click());
    expect(box.querySelector(".message-tool-body:not([hidden])")?.textContent).toContain("Show 60 more lines");
    await press("Show whole result (180 KB)");
    expect(box.textContent).toContain("all of it");
    expect(box.textContent).not.toContain("Show whole result");
  });
});

describe("a question", () => {
  test("is text, never Markdown", async () => {
    const message = { ...messageOf("question"), parts: [{ type: "text", text: "# a\n**b**" } as const] };
    const { find } = await rendered(<Message conversationId="c1" message={message} />);
    expect(find(".message-own").innerHTML).toBe("# a\n**b**");
  });

  test("is folded when it is long", async () => {
    const { find, press } = await shown("long question");
    expect(find(".message-own").textContent?.split("\n")).toHaveLength(16);
    await press("Show all of it");
    expect(find(".message-own").textContent?.split("\n")).toHaveLength(60);
  });
});

test("names, titles, arguments, results and reasons are text, whatever they are", async () => {
  await loadMarkdown();
  const bad = xssPayloadsFor("evil.invalid").slice(0, 90).join(" ");
  const message = messageOf("tools");
  const by = { id: bad, name: bad };
  const approval = { summary: bad, approved: false, by, reason: bad } as const;
  const call = { type: "tool_call", call_id: "x", tool_name: bad, arguments: { [bad]: bad }, approval } as const;
  const source = { type: "source", title: bad, file: bad, url: "javascript:alert(1)", passage: bad } as const;
  const parts = [source, { ...call, status: "failed", result: bad, duration_ms: 1 } as const];
  const { box, acting, find } = await rendered(<Message conversationId="c1" message={{ ...message, parts }} />);
  await acting(() => find(".message-tool-head").click());
  await acting(() => find(".message-source").click());
  expect(box.querySelector("script, iframe, img, object, embed, style, base, form, a[href^=javascript]")).toBeNull();
  expect([...box.querySelectorAll("*")].flatMap((one) => one.getAttributeNames()).filter(isActive)).toEqual([]);
});

function isActive(name: string): boolean {
  return name.startsWith("on") || name === "style" || name === "src";
}
