import { afterEach, expect, it, vi } from "vitest";
import { createMessageSearch } from "../src/commands/conversations/message-search.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("tells who waited too long behind the searches of others, and searches for who did not", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const open: (() => void)[] = [];
  const page = (): Promise<{ entries: never[]; next: undefined }> =>
    new Promise((resolve) => open.push(() => resolve({ entries: [], next: undefined })));
  const unused = (): never => {
    throw new Error("there is no conversation");
  };
  const bus = { titles: { of: unused }, transcripts: { tail: unused } };
  const search = createMessageSearch({
    bus: bus as never,
    index: { page } as never,
    peopleOf: unused,
    beginningOf: unused,
    changesOf: unused,
  });
  const find = (userId: string) => search({ userId, words: "memory", limit: 5, isOwn: () => Promise.resolve(true) });

  const first = [find("ann"), find("ben")];
  const waiting = find("cy");
  const told = expect(waiting).rejects.toMatchObject({ code: "OVERLOADED", retryAfterMs: 5_000 });
  await vi.waitFor(() => expect(open).toHaveLength(2));
  vi.advanceTimersByTime(10_001);
  const late = find("dee");
  for (const end of open.splice(0)) end();
  await Promise.all(first);
  await told;
  await vi.waitFor(() => expect(open).toHaveLength(1));
  open[0]?.();
  expect(await late).toEqual({ hits: [], isWhole: true });
});
