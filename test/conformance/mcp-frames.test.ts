import { createTurnSteps, resultOf, settledTask } from "@parley/dialects";
import { createView, foldFrame, turn, type TurnView } from "@parley/protocol";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createProgress } from "../../services/edge/src/facades/mcp/progress.ts";
import { cases, expectFrames, knownFrames, type Case } from "./cases.ts";

/** What the edge hands to the SDK of MCP for the shared cases; how that writes it is the SDK's, and tried with its clients. */

const place = { conversation_id: "c_case" };
const times = { createdMs: 1_780_000_000_000, updatedMs: 1_780_000_001_000 };

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** To where a request ends: with the turn, or where it waits for people. `everyMs`: between two events. */
function toldOf(one: Case, everyMs: number) {
  const notified: object[] = [];
  const notify = async (notification: object): Promise<void> => void notified.push(notification);
  const { onSteps } = createProgress({ mcpReq: { _meta: { progressToken: "p" }, notify } });
  const steps = createTurnSteps({ takesBack: "any" });
  let view = createView(place.conversation_id);
  let settled: TurnView | undefined;
  for (const frame of knownFrames(one)) {
    view = foldFrame(view, frame);
    const seen = turn(view, one.turn_id);
    if (seen === undefined || settled !== undefined) continue;
    const news = steps.advance(seen, frame.type === "snapshot" ? undefined : frame);
    onSteps(news);
    if (news.some(({ type }) => type === "ended" || type === "waiting")) settled = seen;
    vi.advanceTimersByTime(everyMs);
  }
  return { notified, settled };
}

it.each(cases)("the edge says what the case says: %s", (name, one) => {
  const { notified, settled } = toldOf(one, 1_000);
  const where = { ...place, turn_id: one.turn_id, address: "https://chat.example/c/c_case" };
  if (settled === undefined) return expectFrames("mcp", name, notified);
  const result = { result: resultOf(settled, where) };
  const [task, silentTask] = [true, false].map((canAsk) => settledTask(settled, where, times, canAsk));
  const asks = task?.inputRequests === undefined ? [] : [{ task: silentTask }];
  expectFrames("mcp", name, [...notified, result, { task }, ...asks]);
});

it("what comes faster than it can be read is told less often, and no more of it is lost than of its kind", () => {
  for (const [, one] of cases) {
    const [all, few] = [toldOf(one, 1_000).notified, toldOf(one, 1).notified];
    expect(few.length).toBeLessThanOrEqual(all.length);
    expect(JSON.stringify(few).match(/needs a person's word/g)).toEqual(
      JSON.stringify(all).match(/needs a person's word/g),
    );
  }
});
