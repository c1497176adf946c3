import { nativeDialect } from "@parley/dialects";
import { expect, it } from "vitest";
import { createConnection, move } from "../src/delivery/connection.ts";
import { createOutbox } from "../src/delivery/outbox.ts";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createCounters } from "../src/figures/metrics.ts";
import type { HubConnection, HubViewer } from "../src/hub/hub.ts";
import { createShutting } from "../src/transport/shutting.ts";
import type { Shut } from "../src/admission/gate.ts";
import type { Transport } from "../src/figures/connection-figures.ts";

function setUp() {
  const counters = createCounters();
  const answers = { eventSent: () => {}, frameSent: () => {} };
  const outbox = createOutbox({ limits: deliveryLimits, counters, answers });
  const all = new Set<HubConnection>();
  const shutting = createShutting({ all, outbox, counters, leaveAll: ({ viewers }) => viewers.clear() });
  const open = (user: string, transport: Transport = "websocket") => {
    const sent: unknown[] = [];
    const connection = createConnection<HubViewer>({
      id: user,
      dialect: nativeDialect,
      openedMs: 0,
      credential: undefined,
      transport,
    });
    connection.ws = {
      send: (bytes) => sent.push(JSON.parse(Buffer.from(bytes).toString())),
      getBufferedAmount: () => 0,
      cork: (send) => send(),
      end(code, reason) {
        sent.push([code, reason]);
        connection.ws = undefined;
        all.delete(connection);
      },
    };
    connection.caller = { user: { id: user }, roles: [] };
    move(connection, "ready");
    all.add(connection);
    return { connection, sent };
  };
  return { counters, shutting, open };
}

const anna: Shut = { reason: "revoked", matches: ({ caller }) => caller?.user.id === "anna" };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("whoever was let in while it came to be known is closed by the next sweeps", async () => {
  const { counters, shutting, open } = setUp();
  const [first, bert] = [open("anna"), open("bert")];
  shutting.shut(anna);
  const late = open("anna");
  await turn();
  expect([first.sent, late.sent, bert.sent]).toEqual([[[4500, "The session was ended."]], [], []]);
  shutting.sweep(performance.now());
  expect(late.sent).toEqual([[4500, "The session was ended."]]);
  shutting.sweep(performance.now() + 20_000);
  const later = open("anna");
  shutting.sweep(performance.now());
  expect([later.sent, bert.sent]).toEqual([[], []]);
  expect(counters.shut.get("revoked")).toBe(2);
});

it("nothing more is done for a socket from then on, however many are closed before it", async () => {
  const { shutting, open } = setUp();
  const many = Array.from({ length: 200 }, () => open("anna"));
  shutting.shut(anna);
  expect(many.map(({ connection }) => connection.state)).toEqual(many.map(() => "closed"));
  expect(many.filter(({ sent }) => sent.length > 0).length).toBeLessThan(50);
  for (let round = 0; round < 10; round++) await turn();
  expect(many.every(({ sent }) => sent.length === 1)).toBe(true);
});

it("a request of somebody who is blocked is answered as the next one would be", () => {
  const { shutting, open } = setUp();
  const { sent } = open("anna", "events");
  shutting.shut({ ...anna, reason: "blocked" });
  const error = { type: "error", code: "BLOCKED", error: "You are blocked for a time.", retryable: false };
  expect(sent).toEqual([error]);
});

it("a request is told, and cut a second later when it has not ended by itself", () => {
  const { counters, shutting, open } = setUp();
  const { sent } = open("anna", "events");
  shutting.shut(anna);
  const error = { type: "error", code: "AUTH_INVALID", error: "The session was ended.", retryable: false };
  expect(sent).toEqual([error]);
  shutting.sweep(performance.now());
  expect(sent).toEqual([error, [4500, "The session was ended."]]);
  expect(counters.shut.get("revoked")).toBe(1);
});

it("many that are shut one after the other are looked for together", async () => {
  const { shutting, open } = setUp();
  const bert = open("bert");
  for (let i = 0; i < 10; i++) open(`user-${i}`);
  let looks = 0;
  let isAnnaShut = false;
  const blocked: Shut = {
    reason: "blocked",
    matches({ caller }) {
      looks++;
      return isAnnaShut && caller?.user.id === "anna";
    },
  };
  shutting.shut(blocked);
  const late = open("anna");
  isAnnaShut = true;
  for (let i = 0; i < 100; i++) shutting.shut(blocked);
  await expect.poll(() => late.sent, { timeout: 800 }).toEqual([[4503, "You are blocked for a time."]]);
  expect([looks, bert.sent]).toEqual([11 + 12, []]);
});
