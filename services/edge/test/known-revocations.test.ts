import { limits, type RevocationRecord } from "@parley/protocol";
import { expect, it } from "vitest";
import { createKnownRevocations, type Credentialed } from "../src/admission/known-revocations.ts";

const day = 86_400_000;
const soon = Date.now() + day;

function record(more: Partial<RevocationRecord> & Pick<RevocationRecord, "what" | "id">): RevocationRecord {
  return { v: 1, until_ms: soon, by: "a test", ts: Date.now(), ...more };
}

function caller(id: string, issuedMs?: number, more: Partial<Credentialed> = {}): Credentialed {
  return { user: { id }, credential: { id: undefined, hash: undefined, issuedMs }, ...more };
}

it("a user's credentials are revoked up to a time; those of unknown age as well", () => {
  const known = createKnownRevocations();
  known.set(record({ what: "user", id: "anna", before_ms: 1_000 }));
  expect([999, 1_000, 1_001, undefined].map((ms) => known.isRevoked(caller("anna", ms)))).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(known.isRevoked(caller("bert", 1))).toBe(false);
  expect(known.isRevoked({ user: { id: "anna" } })).toBe(true);
});

it("a sign-in of one user and one of anybody are two things", () => {
  const known = createKnownRevocations();
  known.set(record({ what: "session", id: "s1", user: "anna" }));
  const of = (user: string) => known.isRevoked(caller(user, 1, { session: "s1" }));
  expect([of("anna"), of("bert"), known.size()]).toEqual([true, false, 1]);
  known.set(record({ what: "session", id: "s1" }));
  expect([of("bert"), known.size()]).toEqual([true, 2]);
  known.set(record({ what: "session", id: "s1", lifted: true }));
  expect([of("anna"), of("bert"), known.size()]).toEqual([true, false, 1]);
});

it("says whether something is revoked that was not before", () => {
  const known = createKnownRevocations();
  const one = record({ what: "user", id: "anna", before_ms: 1_000 });
  expect([known.set(one), known.set(one), known.set({ ...one, before_ms: 2_000 })]).toEqual([true, false, true]);
  expect(known.set({ ...one, lifted: true })).toBe(false);
});

it("forgets what has run out, a day later, as clocks differ", () => {
  const known = createKnownRevocations();
  known.set(record({ what: "token", id: "t", until_ms: Date.now() - day + 60_000 }));
  expect(known.isRevoked(caller("anna", 1, { credential: { id: "t", hash: undefined, issuedMs: 1 } }))).toBe(true);
  expect(known.set(record({ what: "token", id: "u", until_ms: Date.now() - day - 60_000 }))).toBe(false);
  expect(known.size()).toBe(1);
});

it("holds no more than is kept", () => {
  const known = createKnownRevocations();
  for (let nth = 0; nth < limits.revocations; nth++) known.set(record({ what: "session", id: `s${nth}` }));
  known.set(record({ what: "session", id: "one more" }));
  expect(known.size()).toBe(limits.revocations);
  expect(known.isRevoked(caller("anna", 1, { session: "one more" }))).toBe(true);
});
