import { describe, expect, it } from "vitest";
import {
  RightsByRole,
  actions,
  createMay,
  standingAmong,
  type Action,
  type Caller,
  type People,
  type ResourceOf,
  type StandingAmong,
} from "../src/index.ts";

const may = createMay(RightsByRole.parse({}));
const ann: Caller = { user: { id: "ann" }, roles: ["operator", "approver", "librarian"], tenant: "acme" };

type ConversationAction = Extract<Action, `conversation:${string}`>;

/** Without `list`, which is asked of a user. */
const all = Object.entries(actions).flatMap(([action, kind]) =>
  kind === "conversation" ? [action as ConversationAction] : [],
);

function thingOf(standing: StandingAmong, author?: string): ResourceOf<"conversation:read"> {
  return { kind: "conversation", owner: "olga", tenant: "acme", standing, author };
}

const opens = (standing: StandingAmong, author?: string): string[] =>
  all
    .filter((action) => may(ann, action as "conversation:read", thingOf(standing, author)).allowed)
    .map((action) => action.slice("conversation:".length))
    .toSorted();

describe("what people of a conversation may do", () => {
  it("is all for its owner", () => {
    expect(opens("owner", "bert")).toEqual(all.map((action) => action.slice("conversation:".length)).toSorted());
  });

  it("is to read, to say what one thinks of answers and to leave for a reader, whatever roles they have", () => {
    expect(opens("reader", "ann")).toEqual(["feedback", "leave", "read"]);
  });

  it("is to write as well for a writer, and to stop, change and decide on what is their own", () => {
    expect(opens("writer", "ann")).toEqual(
      ["cancel", "decide", "feedback", "leave", "pin", "queue", "react", "read", "send"].toSorted(),
    );
    expect(opens("writer", "bert")).toEqual(["feedback", "leave", "pin", "react", "read", "send"]);
  });

  it("is nothing for who has no part in it", () => {
    expect(opens("none", "ann")).toEqual([]);
  });

  it("is no more than the scopes of the credential", () => {
    const scoped = { ...ann, scopes: ["conversation:read"] };
    expect(all.filter((action) => may(scoped, action as "conversation:read", thingOf("owner")).allowed)).toEqual([
      "conversation:read",
    ]);
  });
});

describe("as what somebody stands in a conversation", () => {
  const people: People = {
    owner: { id: "olga" },
    tenant: "acme",
    members: [
      { id: "wim", role: "writer", since: 1 },
      { id: "rita", role: "reader", since: 1 },
      { id: "dora", role: "writer", since: 1, with_role: "doctor" },
      { id: "nora", role: "moderator", since: 1 },
    ],
    ...{ invites: [], agents: [], pins: [], has: {} },
  };
  const as = (id: string, more: Partial<Caller> = {}): StandingAmong =>
    standingAmong(people, { user: { id }, roles: [], tenant: "acme", ...more });

  it("is what the record says, also of a role that only a newer version knows: that reads", () => {
    expect(["olga", "wim", "rita", "nora", "stan", "WIM", ""].map((id) => as(id))).toEqual(
      ["owner", "writer", "reader", "reader", "none", "none", "none"], // prettier-ignore
    );
  });

  it("is nothing in another tenant, and without the role that a membership depends on", () => {
    expect([as("olga", { tenant: "other" }), as("wim", { tenant: "other" }), as("wim", { tenant: undefined })]).toEqual(
      ["none", "none", "none"], // prettier-ignore
    );
    expect([as("dora"), as("dora", { roles: ["nurse"] }), as("dora", { roles: ["doctor"] })]).toEqual(
      ["none", "none", "writer"], // prettier-ignore
    );
  });

  it("stays its user's where it was begun before they had a tenant; members it then has only without one", () => {
    const { tenant: _tenant, ...older } = people;
    const olga = { user: { id: "olga" }, roles: [], tenant: "acme" };
    expect(standingAmong(older, olga)).toBe("owner");
    expect(standingAmong(older, { ...olga, user: { id: "wim" } })).toBe("none");
    expect(standingAmong(older, { user: { id: "wim" }, roles: [] })).toBe("writer");
  });
});
