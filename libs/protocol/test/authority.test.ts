import { describe, expect, it } from "vitest";
import { RightsByRole, actions, createMay, everybody, type Action, type Caller, type Resource } from "../src/index.ts";

const may = createMay(
  RightsByRole.parse({
    [everybody]: {
      actions: [
        ...[
          "conversation:*",
          "session:*",
          "connection:*",
          "usage:*",
          "memory:*",
          "notices:*",
          "privacy:*",
          "file:*",
          "documents:read",
        ],
        ...["agent:use", "model:use", "tool:run"],
      ],
      agents: ["general", "k8s-*"],
      models: ["small"],
      tools: ["read_*"],
    },
    engineer: { models: ["*"], tools: ["*"] },
    auditor: { actions: ["service:read", "service:audit"] },
    approver: { actions: ["approval:decide"] },
    relay: { actions: ["gateway:act"], acts_as: ["engineer"] },
  }),
);

function caller(more: Partial<Caller> = {}): Caller {
  return { user: { id: "ann" }, roles: [], ...more };
}

/** As a program would ask that has not looked at the types. */
const ask = (who: Caller, action: Action, thing: Resource): boolean =>
  (may as (caller: Caller, action: Action, thing: Resource) => { allowed: boolean })(who, action, thing).allowed;

const own: Resource = { kind: "conversation", owner: "ann", tenant: undefined };
const tenants: Resource = { kind: "conversation", owner: "ann", tenant: "acme" };
const others: Resource = { kind: "conversation", owner: "bert", tenant: undefined };
const nobodys: Resource = { kind: "conversation", owner: undefined, tenant: undefined };
const unreadable: Resource = { kind: "conversation", owner: "", tenant: undefined };

/** Of every action: of what it is allowed to whom, and of what not. */
const table: Record<
  Action,
  { readonly yes: readonly [Caller, Resource][]; readonly no: readonly [Caller, Resource][] }
> = {
  ...Object.fromEntries(
    (
      [
        "read",
        "send",
        "cancel",
        "queue",
        "title",
        "feedback",
        "decide",
        "delete",
        "react",
        "pin",
        "leave",
        "people",
      ] as const
    ).map((verb) => [
      `conversation:${verb}`,
      {
        yes: [
          [caller(), own],
          [caller(), nobodys],
          [caller({ tenant: "acme" }), tenants],
          [caller({ tenant: "acme" }), own],
          [caller({ scopes: ["conversation:*"] }), own],
        ],
        no: [
          [caller(), others],
          [caller(), tenants],
          [caller(), unreadable],
          [caller({ tenant: "other" }), tenants],
          [caller({ roles: ["engineer", "auditor"] }), others],
          [caller({ scopes: [] }), own],
          [caller({ scopes: ["session:list"] }), own],
          [caller({ user: { id: "ANN" } }), own],
        ],
      },
    ]),
  ),
  "conversation:list": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [[caller(), { kind: "user", id: "bert" }]],
  },
  "session:list": { yes: [[caller(), { kind: "user", id: "ann" }]], no: [[caller(), { kind: "user", id: "bert" }]] },
  "session:end": { yes: [[caller(), { kind: "user", id: "ann" }]], no: [[caller(), { kind: "user", id: "bert" }]] },
  "connection:list": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [[caller(), { kind: "user", id: "bert" }]],
  },
  "connection:change": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "usage:read": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "privacy:export": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "privacy:erase": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "memory:read": { yes: [[caller(), { kind: "user", id: "ann" }]], no: [[caller(), { kind: "user", id: "bert" }]] },
  "memory:change": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "notices:read": { yes: [[caller(), { kind: "user", id: "ann" }]], no: [[caller(), { kind: "user", id: "bert" }]] },
  "notices:change": {
    yes: [[caller(), { kind: "user", id: "ann" }]],
    no: [
      [caller(), { kind: "user", id: "bert" }],
      [caller({ scopes: ["conversation:*"] }), { kind: "user", id: "ann" }],
    ],
  },
  "agent:use": {
    yes: [[caller(), { kind: "agent", name: "k8s-ops" }]],
    no: [
      [caller(), { kind: "agent", name: "secret" }],
      [caller(), { kind: "agent", name: "general2" }],
      [caller({ roles: ["engineer"] }), { kind: "agent", name: "secret" }],
    ],
  },
  "model:use": {
    yes: [
      [caller(), { kind: "model", name: "small" }],
      [caller({ roles: ["engineer"] }), { kind: "model", name: "large" }],
    ],
    no: [
      [caller(), { kind: "model", name: "large" }],
      [caller({ roles: ["Engineer"] }), { kind: "model", name: "large" }],
      [caller({ roles: ["toString", "__proto__", "constructor"] }), { kind: "model", name: "large" }],
    ],
  },
  "tool:run": {
    yes: [
      [caller(), { kind: "tool", name: "read_pods" }],
      [caller({ roles: ["engineer"] }), { kind: "tool", name: "delete_pod" }],
    ],
    no: [[caller(), { kind: "tool", name: "delete_pod" }]],
  },
  "approval:decide": {
    yes: [
      [caller({ roles: ["approver"] }), { kind: "approval", tenant: undefined }],
      [caller({ roles: ["approver"], tenant: "acme" }), { kind: "approval", tenant: "acme" }],
    ],
    no: [
      [caller(), { kind: "approval", tenant: undefined }],
      [caller({ roles: ["operator", "auditor"] }), { kind: "approval", tenant: undefined }],
      [caller({ roles: ["approver"], tenant: "acme" }), { kind: "approval", tenant: undefined }],
      [caller({ roles: ["approver"] }), { kind: "approval", tenant: "acme" }],
      [caller({ roles: ["approver"], scopes: ["conversation:*"] }), { kind: "approval", tenant: undefined }],
    ],
  },
  "documents:read": {
    yes: [
      [caller(), { kind: "documents" }],
      [caller({ tenant: "acme", roles: ["librarian"] }), { kind: "documents" }],
    ],
    no: [[caller({ scopes: ["conversation:*"] }), { kind: "documents" }]],
  },
  "documents:write": {
    yes: [
      [caller({ roles: ["librarian"] }), { kind: "documents" }],
      [caller({ roles: ["operator"] }), { kind: "documents" }],
    ],
    no: [
      [caller(), { kind: "documents" }],
      [caller({ roles: ["approver"] }), { kind: "documents" }],
      [caller({ roles: ["librarian"], scopes: ["documents:read"] }), { kind: "documents" }],
    ],
  },
  "file:read": {
    yes: [[caller(), { kind: "file", owner: "ann", tenant: undefined }]],
    no: [[caller({ scopes: ["conversation:read"] }), { kind: "file", owner: "ann", tenant: undefined }]],
  },
  "file:write": {
    yes: [[caller(), { kind: "file", owner: "ann", tenant: undefined }]],
    no: [
      [caller(), { kind: "file", owner: "ben", tenant: undefined }],
      [caller({ tenant: "acme" }), { kind: "file", owner: "ann", tenant: "other" }],
    ],
  },
  "handover:answer": {
    yes: [
      [caller({ roles: ["operator"] }), { kind: "handover", tenant: undefined }],
      [caller({ roles: ["operator"], tenant: "acme" }), { kind: "handover", tenant: "acme" }],
    ],
    no: [
      [caller(), { kind: "handover", tenant: undefined }],
      [caller({ roles: ["approver", "auditor"] }), { kind: "handover", tenant: undefined }],
      [caller({ roles: ["operator"], tenant: "acme" }), { kind: "handover", tenant: undefined }],
      [caller({ roles: ["operator"], tenant: "other" }), { kind: "handover", tenant: "acme" }],
      [caller({ roles: ["operator"], scopes: ["conversation:*"] }), { kind: "handover", tenant: undefined }],
    ],
  },
  "service:audit": {
    yes: [[caller({ roles: ["auditor"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:feedback": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller({ roles: ["auditor"] }), { kind: "service" }]],
  },
  "service:usage": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller({ roles: ["auditor"] }), { kind: "service" }]],
  },
  "service:read": {
    yes: [[caller({ roles: ["auditor"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:block": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller({ roles: ["auditor"] }), { kind: "service" }]],
  },
  "service:revoke": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:hold": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:erase": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:export": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "service:drain": {
    yes: [[caller({ roles: ["operator"] }), { kind: "service" }]],
    no: [[caller(), { kind: "service" }]],
  },
  "gateway:act": {
    yes: [
      [caller({ roles: ["relay"] }), { kind: "gateway", roles: [] }],
      [caller({ roles: ["relay"] }), { kind: "gateway", roles: ["engineer"] }],
      [caller({ roles: ["gateway"] }), { kind: "gateway", roles: [] }],
    ],
    no: [
      [caller(), { kind: "gateway", roles: [] }],
      [caller({ roles: ["operator"] }), { kind: "gateway", roles: [] }],
      [caller({ roles: ["relay"] }), { kind: "gateway", roles: ["operator"] }],
      [caller({ roles: ["gateway"] }), { kind: "gateway", roles: ["engineer"] }],
      [caller({ roles: ["relay"], gateway: "other" }), { kind: "gateway", roles: [] }],
      [caller({ roles: ["relay"], scopes: ["conversation:*"] }), { kind: "gateway", roles: [] }],
    ],
  },
} as unknown as Record<Action, { yes: [Caller, Resource][]; no: [Caller, Resource][] }>;

describe("P9, P10: may", () => {
  it("has a row for every action", () => {
    expect(Object.keys(table).toSorted()).toEqual(Object.keys(actions).toSorted());
  });

  for (const [action, { yes, no }] of Object.entries(table)) {
    it(`${action} is allowed to those who have it, and refused to all others`, () => {
      for (const [who, thing] of yes)
        expect([who, thing, ask(who, action as Action, thing)]).toEqual([who, thing, true]);
      for (const [who, thing] of no)
        expect([who, thing, ask(who, action as Action, thing)]).toEqual([who, thing, false]);
    });
  }

  it("lets a gateway do for its users what belongs to conversations of its tenant to the letter, and nothing else", () => {
    const alone = caller({ gateway: "gw" });
    const ofTenant = caller({ gateway: "gw", tenant: "acme" });
    expect([ask(alone, "conversation:read", own), ask(ofTenant, "conversation:read", tenants)]).toEqual([true, true]);
    expect(ask(caller({ tenant: "acme" }), "conversation:read", own)).toBe(true);
    expect(ask(ofTenant, "conversation:read", own)).toBe(false);
    for (const action of ["session:list", "memory:read", "connection:change"] as const)
      expect([
        ask(caller(), action, { kind: "user", id: "ann" }),
        ask(alone, action, { kind: "user", id: "ann" }),
      ]).toEqual([true, false]);
  });

  it("names what is lacking in one sentence", () => {
    expect(may(caller(), "service:drain", { kind: "service" })).toEqual({
      allowed: false,
      code: "FORBIDDEN",
      message: "This needs a right that you do not have: service:drain.",
    });
    expect(may(caller(), "model:use", { kind: "model", name: "large" })).toMatchObject({
      message: 'The model "large" is not among those that you may use.',
    });
  });

  it.each(["agent:uses", "agents:*", "conversation", "*:use"])("does not take %s for an action", (action) => {
    const { error } = RightsByRole.safeParse({ guest: { actions: [action] } });
    expect(error?.issues[0]).toMatchObject({ path: ["guest", "actions", 0] });
  });

  it("without a file gives everybody everything but the service", () => {
    const standard = createMay(RightsByRole.parse(undefined));
    for (const name of ["agent", "model", "tool"] as const) {
      const action = name === "tool" ? "tool:run" : (`${name}:use` as Action);
      expect((standard as unknown as typeof ask)(caller(), action, { kind: name, name: "any" })).toEqual({
        allowed: true,
      });
    }
    expect(standard(caller(), "service:read", { kind: "service" }).allowed).toBe(false);
    expect(standard(caller({ roles: ["operator"] }), "service:read", { kind: "service" }).allowed).toBe(true);
  });
});
