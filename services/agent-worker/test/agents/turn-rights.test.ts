import { createMay, RightsByRole, type ToolDefinition, type TurnRequest } from "@parley/protocol";
import { expect, test } from "vitest";
import { createToolOffer } from "../../src/agents/tool-offer.ts";
import { createRightsOf } from "../../src/agents/turn-rights.ts";

const roles = RightsByRole.parse({
  everybody: {
    actions: ["agent:use", "model:use", "tool:run"],
    agents: ["general"],
    models: ["small"],
    tools: ["demo_*"],
  },
  staff: { agents: ["k*"], models: ["large"], tools: ["k8s_list_pods"] },
});
const rightsOf = createRightsOf(createMay(roles));
type Asker = Pick<TurnRequest, "user" | "caller" | "agent" | "model">;
const asker = (fields: Partial<Asker> = {}): Asker => ({ user: { id: "anna" }, ...fields });
const staff = asker({ caller: { roles: ["staff"] } });

test.each([
  ["nobody in particular", asker(), ["general"], ["demo_echo"]],
  ["of a role", staff, ["general", "kubernetes"], ["demo_echo", "k8s_list_pods"]],
  ["of a role that gives nothing", asker({ caller: { roles: ["guest"] } }), ["general"], ["demo_echo"]],
  [
    "whose credential is for conversations alone",
    asker({ caller: { roles: ["staff"], scopes: ["conversation:*"] } }),
    ["general", "kubernetes"],
    [],
  ],
])("a turn of somebody %s has its agents and tools", (_who, request, agents, tools) => {
  const { mayUse, mayRun } = rightsOf(request);
  expect(["general", "kubernetes", "specs"].filter(mayUse)).toEqual(agents);
  expect(["demo_echo", "k8s_list_pods", "k8s_pod_logs"].filter(mayRun)).toEqual(tools);
});

test.each([
  ["nothing", asker(), /^nothing$/],
  ["a model of everybody's", asker({ model: "small" }), /^nothing$/],
  ["a model of others", asker({ model: "large" }), /model "large"/],
  ["a model of its role", { ...staff, model: "large" }, /^nothing$/],
  ["an agent of others", asker({ agent: "kubernetes" }), /agent "kubernetes"/],
  ["an agent of its role", { ...staff, agent: "kubernetes" }, /^nothing$/],
  [
    "an agent of its role, with a credential that names none",
    asker({ caller: { roles: ["staff"], scopes: ["conversation:*"] }, agent: "kubernetes" }),
    /agent:use/,
  ],
])("what a message names is checked again: %s", (_what, request, refusal) => {
  let said = "nothing";
  try {
    rightsOf(request).checkChoice();
  } catch (error) {
    said = String(error);
  }
  expect(said).toMatch(refusal);
});

const toolNamed = (name: string): ToolDefinition => ({
  name,
  ...{ aliases: [], description: name, parameters: { type: "object" }, effect: "read", timeout_ms: 1_000 },
});

function offerOf(there: readonly string[], waitMs: number) {
  const list = () => Promise.resolve(there.map(toolNamed));
  return createToolOffer({ catalogue: { list, refresh: list, isKnown: () => true }, waitMs });
}

const { signal } = new AbortController();
const mayRun = (name: string): boolean => name === "look";

test("the model is offered what whoever asks may run, and the rest is known as not allowed", async () => {
  const offer = offerOf(["look", "change"], 0)({ agent: { tools: ["*"] }, mayRun, signal, tell() {} });
  const { tools, notAllowed, note } = await offer();
  expect([tools, notAllowed].map((list) => list.map(({ name }) => name))).toEqual([["look"], ["change"]]);
  expect(note).toBe("");
});

test("a tool that whoever asks may not run is not waited for, and nobody is told that it is away", async () => {
  const told: string[] = [];
  const tell = (sentence: string) => void told.push(sentence);
  const offer = offerOf(["look"], 60_000)({ agent: { tools: ["look", "change"] }, mayRun, signal, tell });
  expect(await offer()).toMatchObject({ tools: [{ name: "look" }], notAllowed: [], note: "" });
  expect(told).toEqual([]);
});
