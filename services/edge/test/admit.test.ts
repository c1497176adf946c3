import type { Caller } from "@parley/protocol";
import { ChatError } from "@parley/protocol";
import { expect, it } from "vitest";
import { createAdmission } from "../src/admission/admit.ts";
import { noApiKeys } from "../src/admission/api-keys.ts";
import { openGate, type Offence } from "../src/admission/gate.ts";

function setUp(blocked: ReadonlySet<string> = new Set()) {
  const noted: Offence[] = [];
  const refuse = (): Promise<never> => Promise.reject(new ChatError("AUTH_INVALID"));
  const gate = {
    ...openGate,
    blockedUntil: (_address: string, userId = "") => (blocked.has(userId) ? Date.now() + 60_000 : undefined),
    note: (offence: Offence) => void noted.push(offence),
  };
  const admission = createAdmission({
    ...{ tokens: { verify: refuse }, tickets: { redeem: refuse }, apiKeys: noApiKeys },
    ...{ signIn: undefined, gate, isDevelopment: false },
  });
  return { admission, noted };
}

const anna: Caller = { user: { id: "anna" }, roles: [], expires: Date.now() + 60_000 };
const codeOf = (act: () => void): string => {
  try {
    act();
    return "nothing";
  } catch (error) {
    return error instanceof ChatError ? error.code : "another error";
  }
};

it("whoever was blocked, or whose token has run out, while the body of a request came is refused", () => {
  const blocked = new Set<string>();
  const { recheck } = setUp(blocked).admission;
  expect(codeOf(() => recheck(anna))).toBe("nothing");
  expect(codeOf(() => recheck({ ...anna, expires: Date.now() - 1 }))).toBe("AUTH_EXPIRED");
  blocked.add("anna");
  expect(codeOf(() => recheck(anna))).toBe("BLOCKED");
});

it("a ticket that was used is no offence, as a client that reconnects shows it again; a bad token is one", async () => {
  const { admission, noted } = setUp();
  const from = { address: "203.0.113.1" };
  await admission.byCredential({ kind: "ticket", ticket: "t" }, from).catch(() => {});
  expect(noted).toEqual([]);
  await admission.byCredential({ kind: "token", token: "t" }, from).catch(() => {});
  expect(noted).toEqual(["bad token"]);
});
