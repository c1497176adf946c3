import { ChatError } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { createGuardedWriter } from "../../src/guards/guarded-writer.ts";
import { leadsElsewhere } from "../../src/guards/links.ts";
import type { OutputChecks } from "../../src/guards/guards.ts";

const blockedError = new ChatError("BLOCKED");

function bench(checks: Partial<OutputChecks> = {}) {
  let text = "";
  const inner = {
    text: (token: string) => void (text += token),
    reasoning: () => undefined,
    restart: () => void (text = ""),
    retract: () => void (text = ""),
    settle: () => undefined,
    written: () => text,
    hasStaleText: () => false,
  };
  const stop = new AbortController();
  const blocked: ChatError[] = [];
  const writer = createGuardedWriter(inner, {
    checks: { rules: () => undefined, endpoint: undefined, everyChars: 50, ...checks },
    signal: stop.signal,
    onBlocked: (error) => {
      blocked.push(error);
      stop.abort(error);
    },
  });
  return { writer, blocked, stop, shown: () => text };
}

const rules = (text: string): ChatError | undefined =>
  /(?<!\w)secret word(?!\w)/.test(text) ? blockedError : undefined;

describe("a writer that is looked at", () => {
  it("shows whole words, and all of it in the end", async () => {
    const { writer, shown } = bench({ rules });
    for (const token of ["One se", "cret", " and", " two"]) writer.text(token);
    expect(shown()).toBe("One secret and ");
    await writer.checked();
    expect(shown()).toBe("One secret and two");
  });

  it("stops at what a rule knows, also when it comes in pieces, and shows none of the word that completes it", async () => {
    const { writer, blocked, shown } = bench({ rules });
    for (const letter of "Here is the secret word, and more. And more.") writer.text(letter);
    await expect(writer.checked()).rejects.toBe(blockedError);
    expect(blocked).toEqual([blockedError]);
    expect(shown()).toBe("Here is the secret ");
  });

  it("does not take the beginning of a word for the word", async () => {
    const { writer, blocked, shown } = bench({ rules });
    for (const token of ["a secret word", "ing is fine"]) writer.text(token);
    await writer.checked();
    expect(blocked).toEqual([]);
    expect(shown()).toBe("a secret wording is fine");
  });

  it("shows at most twice as many characters as the endpoint is asked for, while it says nothing", async () => {
    let answer: (error: ChatError | undefined) => void = () => {};
    const endpoint = () => new Promise<ChatError | undefined>((resolve) => (answer = resolve));
    const { writer, shown, blocked } = bench({ endpoint });
    for (let i = 0; i < 200; i++) writer.text("word ");
    expect(shown().length).toBeLessThanOrEqual(100);
    answer(blockedError);
    await expect(writer.checked()).rejects.toBe(blockedError);
    expect(blocked).toHaveLength(1);
    expect(shown().length).toBeLessThanOrEqual(100);
    writer.text("more ");
    expect(shown()).not.toContain("more");
  });

  it("asks the endpoint nothing more once the turn is aborted", async () => {
    let asked = 0;
    let fail: (error: Error) => void = () => {};
    const endpoint = () => {
      asked++;
      return new Promise<undefined>((_resolve, reject) => (fail = reject));
    };
    const { writer, stop } = bench({ endpoint });
    for (let i = 0; i < 200; i++) writer.text("word ");
    expect(asked).toBe(1);
    stop.abort(new Error("cancelled"));
    fail(new Error("cancelled"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    writer.text("more and more and more and more and more and more and more");
    expect(asked).toBe(1);
    await expect(writer.checked()).rejects.toThrow("cancelled");
  });

  it("gives the endpoint all of the text, and shows all of it when that is fine", async () => {
    const seen: string[] = [];
    const endpoint = (text: string) => Promise.resolve(void seen.push(text));
    const { writer, shown } = bench({ endpoint });
    const all = Array.from({ length: 100 }, (_, i) => `w${i} `).join("");
    for (const token of all.match(/.{1,7}/g) ?? []) {
      writer.text(token);
      await Promise.resolve();
    }
    await writer.checked();
    expect(shown()).toBe(all);
    for (let i = 0; i < 100; i++) expect(seen.some((text) => text.includes(`w${i} `))).toBe(true);
  });

  it("forgets what was said before the model began again", async () => {
    const { writer, shown } = bench({ rules });
    writer.text("the secret ");
    writer.restart();
    writer.text("word is fine");
    await writer.checked();
    expect(shown()).toBe("word is fine");
  });
});

describe("addresses in an answer", () => {
  const hosts = ["docs.example.com"];
  it.each([
    ["see https://docs.example.com/a?b=c.", false],
    ["no address, a // comment and 1//2", false],
    ["see [docs](https://docs.example.com/a)", false],
    ["![x](https://evil.example/p)", true],
    ["![x](//evil.example/p)", true],
    ["https://docs.example.com.evil.example", true],
    ["https://docs.example.com@evil.example/", true],
    ["HTTPS://EVIL.EXAMPLE/x", true],
    ["ftp://evil.example/x", true],
    ["javascript://evil.example/%0aalert(1)", true],
  ])("%s", (text, leads) => {
    expect(leadsElsewhere(text, hosts)).toBe(leads);
  });
});
