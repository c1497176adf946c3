import type { Caller, People } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { addInvite, joinAll, makeInvite, readToken } from "../src/commands/rooms/invite-rules.ts";
import { addMember, changeSettings, pin, removeMember, setRole } from "../src/commands/rooms/people-rules.ts";

const ann: Caller = { user: { id: "ann", name: "Ann" }, roles: [], tenant: "acme" };
const doing = { caller: ann, nowMs: 1_000 };
const alone: People = {
  ...{ owner: { id: "ann" }, tenant: "acme", members: [], invites: [], agents: [], pins: [], has: {} },
};
const withBert: People = { ...alone, members: [{ id: "bert", role: "writer", since: 1 }] };

function caller(id: string, more: Partial<Caller> = {}): Caller {
  return { user: { id }, roles: [], tenant: "acme", ...more };
}

describe("what becomes of people", () => {
  it("names the owner where they are known only by their id, and keeps since when somebody is a member", () => {
    const added = addMember(alone, { user_id: "bert", role: "reader" }, doing);
    expect(added?.people).toMatchObject({ owner: { id: "ann", name: "Ann" }, members: [{ id: "bert", since: 1_000 }] });
    const changed = addMember(withBert, { user_id: "bert", role: "reader", with_role: "doctor" }, doing);
    expect(changed?.people.members).toEqual([{ id: "bert", role: "reader", since: 1, with_role: "doctor" }]);
  });

  it("tells with the first member, and with the owner's name, whose the conversation is", () => {
    const owner = { id: "ann", name: "Ann", role: "owner" };
    const first = addMember(alone, { user_id: "bert", role: "reader" }, doing);
    expect(first?.told).toMatchObject({ people: [owner, { id: "bert", role: "reader" }] });
    const next = addMember(first?.people ?? alone, { user_id: "cora", role: "reader" }, doing);
    expect(next?.told).toMatchObject({ people: [{ id: "cora" }] });
    expect(addMember(withBert, { user_id: "cora", role: "reader" }, doing)?.told).toMatchObject({
      people: [owner, { id: "cora" }],
    });
    expect(changeSettings(alone, { answers: "never" }, doing)?.told).toMatchObject({ people: [owner] });
  });

  it("names the owner also where they invite or pin before anybody has joined, and tells who joins whose it is", () => {
    const pinned = pin(alone, { message_id: "m1", on: true }, doing);
    expect(pinned?.people.owner).toEqual({ id: "ann", name: "Ann" });
    const { stored, token } = makeInvite("c_1", { role: "writer" }, doing);
    const { people } = addInvite(alone, stored, doing);
    expect(people.owner).toEqual({ id: "ann", name: "Ann" });
    const { hash } = readToken(token ?? "") ?? {};
    const { change } = joinAll(people, [{ caller: caller("bert"), hash }], 1_000);
    expect(change?.told).toMatchObject({ people: [{ id: "ann", name: "Ann", role: "owner" }, { id: "bert" }] });
  });

  it("is nothing where it is so already", () => {
    expect(addMember(withBert, { user_id: "bert", role: "writer" }, doing)).toBeUndefined();
    expect(addMember(alone, { user_id: "ann", role: "reader" }, doing)).toBeUndefined();
    expect(setRole(withBert, { user: "ann", role: "owner" }, doing)).toBeUndefined();
    expect(removeMember(withBert, "cora", doing)).toBeUndefined();
    expect(changeSettings(alone, { agents: [] }, doing)).toBeUndefined();
    expect(changeSettings(alone, { answers: null, keeps_history: false }, doing)).toBeUndefined();
    expect(pin(alone, { message_id: "m1", on: false }, doing)).toBeUndefined();
  });

  it("leaves one owner, who has no other role and does not leave", () => {
    const { people, told } = setRole(withBert, { user: "bert", role: "owner" }, doing) ?? {};
    expect([people?.owner, people?.members]).toMatchObject([
      { id: "bert" },
      [{ id: "ann", name: "Ann", role: "writer" }],
    ]);
    expect(told).toMatchObject({
      people: [
        { id: "bert", role: "owner" },
        { id: "ann", role: "writer" },
      ],
    });
    expect(() => setRole(withBert, { user: "ann", role: "reader" }, doing)).toThrow(/hand it over/);
    expect(() => removeMember(withBert, "ann", doing)).toThrow(/hand it over/);
  });

  it("is refused where too many are pinned, members, or all together too large", () => {
    const full = { ...alone, pins: Array.from({ length: 50 }, (_, i) => `m${i}`) };
    expect(() => pin(full, { message_id: "one more", on: true }, doing)).toThrow(/at most 50/i);
    const members = Array.from({ length: 1_000 }, (_, i) => ({ id: `u${i}`, role: "reader", since: 1 }));
    expect(() => addMember({ ...alone, members }, { user_id: "late", role: "reader" }, doing)).toThrow(/no room/);
    const large = members.map((one, i) => ({ ...one, id: `${i}`.padEnd(128, "x"), name: "y".repeat(128) }));
    const most = large.slice(0, 999);
    expect(() => addMember({ ...alone, members: most }, { user_id: "late", role: "reader" }, doing)).toThrow(/no room/);
  });
});

describe("invitations", () => {
  const { stored, token = "" } = makeInvite("c_1", { role: "writer", uses: 2, expires_in_ms: 500 }, doing);
  const { hash } = readToken(token) ?? { hash: "" };
  const open: People = { ...alone, invites: [stored] };
  const join = (people: People, callers: readonly Caller[], nowMs = 1_400) =>
    joinAll(
      people,
      callers.map((one) => ({ caller: one, hash })),
      nowMs,
    );

  it("are taken by as many as they are for, in their order, and then are gone", () => {
    const { change, outcomes } = join(open, [caller("bert"), caller("bert"), caller("cora"), caller("dora")]);
    expect(outcomes).toMatchObject([{ isNew: true }, { isNew: false }, { isNew: true }, { code: "NOT_FOUND" }]);
    expect(change?.people.members.map(({ id }) => id)).toEqual(["bert", "cora"]);
    expect(change?.people.invites).toEqual([]);
    expect(change?.told).toMatchObject({
      people: [{ id: "ann", role: "owner" }, { id: "bert" }, { id: "cora" }],
      member_count: 3,
    });
    expect(change?.told?.by).toBeUndefined();
  });

  it("are none at their end, for another tenant, and by another secret", () => {
    expect(join(open, [caller("bert")], 1_499).outcomes).toMatchObject([{ isNew: true }]);
    expect(join(open, [caller("bert")], 1_500).outcomes).toMatchObject([{ code: "NOT_FOUND" }]);
    for (const tenant of ["other", undefined])
      expect(join(open, [{ ...caller("bert"), tenant }]).outcomes).toMatchObject([{ code: "NOT_FOUND" }]);
    expect(joinAll(open, [{ caller: caller("bert"), hash: "x" }], 1).outcomes).toMatchObject([{ code: "NOT_FOUND" }]);
    expect(joinAll(open, [{ caller: caller("bert"), hash: undefined }], 1).outcomes).toMatchObject([
      { code: "NOT_FOUND" },
    ]);
    for (const wrong of ["", ".", "c_1", ".abc", "a b.c", "c.1.2x*"]) expect(readToken(wrong)?.hash).not.toBe(hash);
  });
});
