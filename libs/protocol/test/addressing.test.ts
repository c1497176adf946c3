import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressedAgent, answerRuleOf } from "@parley/protocol";

const room = { agents: [{ handle: "helper", agent: "general" }] };
const agents = ["general", "billing", "Billing-2"];
const named = (text: string): string | undefined => addressedAgent({ text, room, agents });

describe("the agent that a message addresses", () => {
  test.each([
    ["@helper what is it?", "general"],
    ["what is it, @Helper?", "general"],
    ["(@billing)", "billing"],
    ["@billing-2 and @billing", "Billing-2"],
    ["first @billing, then @helper", "billing"],
    ["@helper.", "general"],
    ["@helper's answer", "general"],
    ["Ça va,@helper?", "general"],
    ["write to ann@helper", undefined],
    ["ann.b@billing.example", undefined],
    ["@billing.example is a machine", undefined],
    ["@helpers", undefined],
    ["@helper_2", undefined],
    ["@hélper", undefined],
    ["`@helper` is how one calls it", undefined],
    ["``a ` @helper ``", undefined],
    ["```\n@helper\n```\n", undefined],
    ["```\n@helper\n```\n@billing", "billing"],
    ["a lone ` before @helper", "general"],
    ["```\n@helper, a fence that is never closed", undefined],
    ["@", undefined],
    ["@@helper", undefined],
    ["", undefined],
  ])("%j: %s", (text, agent) => {
    expect(named(text)).toBe(agent);
  });

  test("is that of the room before that of the same name", () => {
    const names = { agents: [{ handle: "billing", agent: "accounts" }] };
    expect(addressedAgent({ text: "@billing", room: names, agents })).toBe("accounts");
  });

  test("is not a user of that name whom the message names", () => {
    expect(addressedAgent({ text: "@billing, hello", mentions: ["Billing"], agents })).toBeUndefined();
  });

  test("is the one to whose answer it replies, where it names none", () => {
    expect(addressedAgent({ text: "and why?", replyTo: "billing", room, agents })).toBe("billing");
    expect(addressedAgent({ text: "@helper, and why?", replyTo: "billing", room, agents })).toBe("general");
  });

  test("is named between any words, in any case, and in no code", () => {
    // Letters and blanks alone: what else may stand beside a name is in the table.
    const words = fc.stringMatching(/^[a-z ]{0,20}$/);
    const cased = fc.constantFrom("helper", "HELPER", "HelPer");
    fc.assert(
      fc.property(words, cased, words, (before, name, behind) => {
        expect(named(`${before} @${name} ${behind}`)).toBe("general");
        expect(named(`${before} \`@${name} ${behind}\``)).toBeUndefined();
        expect(named(`${before}x@${name} ${behind}`)).toBeUndefined();
        expect(named(`${before} @${name}x${behind}`)).toBeUndefined();
      }),
    );
  });

  test("is found in no time, whatever the text is", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => void named(text)));
    const hostile = ["`".repeat(32_768), "`a``".repeat(8_192), "@".repeat(32_768), "@helpe".repeat(5_000)];
    const from = performance.now();
    for (const text of hostile) named(text);
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});

test("agents answer everybody while one person writes, then only who addresses them, unless the room has a rule", () => {
  const reader = { id: "rita", role: "reader", since: 1 };
  const writer = { id: "will", role: "writer", since: 1 };
  expect(answerRuleOf({ members: [] })).toBe("always");
  expect(answerRuleOf({ members: [reader] })).toBe("always");
  expect(answerRuleOf({ members: [reader, writer] })).toBe("mention");
  expect(answerRuleOf({ members: [writer], answers: "always" })).toBe("always");
  expect(answerRuleOf({ members: [], answers: "never" })).toBe("never");
});
