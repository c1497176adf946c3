import { Limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { createLimitRefusals } from "../src/admission/limit-refusals.ts";
import { createSocketLimits } from "../src/admission/limit-sockets.ts";
import { openGate } from "../src/admission/gate.ts";

it("a socket that becomes another user's is counted against what that one may have", () => {
  const refusals = createLimitRefusals({ gate: openGate, counters: { limited: new Map() } });
  const current = () => Limits.parse({ sockets_per_user: 1 });
  const sockets = createSocketLimits({ redis: undefined, edge: "here", current, refusals });
  const callerOf = (id: string) => ({ user: { id }, roles: [] });
  const open = () => ({ address: "203.0.113.1", isExempt: false, counted: "no" as const, caller: undefined });
  const become = (connection: Parameters<typeof sockets.opened>[0], id: string): void => {
    sockets.identifying(connection, id);
    sockets.changing(connection, id);
    connection.caller = callerOf(id);
    sockets.identified(connection);
  };
  const [one, other]: Parameters<typeof sockets.opened>[0][] = [open(), open()];
  if (one === undefined || other === undefined) throw new Error("there are two");
  for (const connection of [one, other]) sockets.opened(connection);
  become(one, "anna");
  become(other, "bert");
  // Again as itself, which takes no further place.
  become(one, "anna");
  expect(() => become(other, "anna")).toThrow("too many connections");
  sockets.closed(one);
  become(other, "anna");
  expect(other.caller?.user.id).toBe("anna");
});
