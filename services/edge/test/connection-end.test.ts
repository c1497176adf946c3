import { closeCodes } from "@parley/protocol";
import { expect, it } from "vitest";
import { closeLabelOf, endOfOwn, endOfSocket } from "../src/figures/connection-figures.ts";

it.each([
  [closeCodes.goingAway, "going_away"],
  [closeCodes.tooSlow, "slow"],
  [closeCodes.tokenExpired, "auth"],
  [closeCodes.overloaded, "error"],
  [closeCodes.authDeadline, "auth"],
  [closeCodes.badToken, "auth"],
  [closeCodes.protocolAbuse, "policy"],
  [closeCodes.policy, "policy"],
  [closeCodes.tooManyConnections, "policy"],
] as const)("a connection that is closed here with %d ended as %s", (code, end) => {
  expect(endOfOwn(code)).toBe(end);
  expect(endOfSocket({ ownCode: code, code, reason: "" })).toBe(end);
});

it("knows the end of every close code", () => {
  expect(Object.values(closeCodes).map(endOfOwn)).not.toContain(undefined);
  expect(Object.values(closeCodes).filter((code) => endOfOwn(code) === "error")).toEqual([closeCodes.overloaded]);
});

it("does not believe a client that closes with a code of ours", () => {
  const close = { ownCode: undefined, code: closeCodes.tooSlow, reason: "" };
  expect([endOfSocket(close), closeLabelOf(close)]).toEqual(["client", "other"]);
});

it("has a bounded number of labels for codes", () => {
  const codes = Array.from({ length: 5_000 }, (_, code) => code);
  const labels = new Set(codes.map((code) => closeLabelOf({ ownCode: undefined, code, reason: "" })));
  expect(labels.size).toBe(17);
});
