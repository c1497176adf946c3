// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { optionsNow } from "../../src/chat/choice.ts";
import { choices } from "../../src/chat/kept-texts.ts";

afterEach(() => localStorage.clear());

const offers = {
  agents: [{ name: "general", description: "…" }],
  models: [],
  simulated: { model: false, cluster: false },
};

test("a message that is sent again goes to whom the conversation has chosen, as far as that is on offer", () => {
  choices.keep("c1", '{"agent":"general","model":"gone"}');
  expect(optionsNow("c1", offers)).toEqual({ agent: "general" });
  expect(optionsNow("c1", undefined)).toEqual({});
  expect(optionsNow("c2", offers)).toEqual({});
});
