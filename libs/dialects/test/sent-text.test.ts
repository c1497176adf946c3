import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSentText, extend, replace } from "../src/seed-a/state.ts";

function sentAfter(...tokens: readonly string[]) {
  const text = createSentText();
  for (const token of tokens) extend(text, token);
  return text;
}

describe("text that cannot be taken back", () => {
  it("is sent as it comes", () => {
    const text = createSentText();
    expect([extend(text, "Hel"), extend(text, "lo")]).toEqual(["Hel", "lo"]);
  });

  it("is not sent again while a new attempt repeats it, in whatever pieces", () => {
    const text = sentAfter("one ", "two ");
    expect(replace(text, "one ")).toBe("");
    expect(extend(text, "t")).toBe("");
    expect(text.state).toBe("repeating");
    expect(extend(text, "wo ")).toBe("");
    expect(text.state).toBe("following");
    expect(extend(text, "three")).toBe("three");
  });

  it("goes on in the middle of a piece", () => {
    const text = sentAfter("one t");
    replace(text, "one ");
    expect(extend(text, "two")).toBe("wo");
    expect(text).toMatchObject({ state: "following", sent: "one two" });
  });

  it("diverges when a new attempt says something else, and stays so", () => {
    const text = sentAfter("one two");
    replace(text, "one ");
    expect(extend(text, "three")).toBe("");
    expect(text.state).toBe("diverged");
    expect([extend(text, "more"), replace(text, "one two three")]).toEqual(["", ""]);
  });

  it("diverges when what stays is not what was sent", () => {
    const text = sentAfter("one two");
    replace(text, "another");
    expect(text.state).toBe("diverged");
  });

  it("is made up for at once when more of it is known than was sent", () => {
    const text = sentAfter("one ");
    expect(replace(text, "one two ")).toBe("two ");
    expect(extend(text, "three")).toBe("three");
  });

  it("is the beginning of the answer whenever it has not diverged", () => {
    const steps = fc.array(
      fc.record({ restart: fc.boolean(), text: fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const text = createSentText();
        let answer = "";
        let received = "";
        for (const { restart, text: piece } of taken) {
          answer = restart ? piece : answer + piece;
          received += restart ? replace(text, piece) : extend(text, piece);
          expect(text.sent).toBe(received);
          if (text.state === "diverged") return;
          expect(text.state === "following" ? answer === received : received.startsWith(answer)).toBe(true);
        }
      }),
    );
  });
});
