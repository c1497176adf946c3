import { expect, test } from "vitest";
import { examplesOf, offered, readChoice, sendOptionsOf } from "../../src/chat/choice.ts";

const offers = {
  agents: [{ name: "general", description: "…" }],
  models: [{ name: "small" }],
  simulated: { model: false, cluster: false },
};

test("examples show what each agent can, and only then what the one for everything else is asked", () => {
  const agent = (name: string, ...examples: string[]) => ({ name, description: "…", examples });
  const agents = [
    agent("general", "Goodbye"),
    agent("kubernetes", "k1", "k2"),
    agent("specs", "s1", "k2"),
    agent("new"),
  ];
  expect(examplesOf(agents)).toEqual(["k1", "s1", "k2", "Goodbye"]);
  expect(examplesOf(offers.agents)).toEqual([]);
});

test("what is no longer offered is no longer chosen", () => {
  expect(offered({ agent: "general", model: "gone" }, offers)).toEqual({ agent: "general", model: "" });
});

test("a message names only what was chosen", () => {
  expect(sendOptionsOf({ agent: "", model: "" })).toEqual({});
  expect(sendOptionsOf({ agent: "general", model: "" })).toEqual({ agent: "general" });
  expect(sendOptionsOf({ agent: "general", model: "small" })).toEqual({ agent: "general", model: "small" });
});

test("a choice that cannot be read is none", () => {
  for (const json of ["", "{", "null", "[]", '{"agent":1,"model":""}']) {
    expect(readChoice(json)).toEqual({ agent: "", model: "" });
  }
  expect(readChoice('{"agent":"a","model":"m"}')).toEqual({ agent: "a", model: "m" });
});
