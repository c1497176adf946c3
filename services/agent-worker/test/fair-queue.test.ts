import fc from "fast-check";
import { expect, test } from "vitest";
import { createFairQueue, type Party } from "../src/fair-queue.ts";

interface Entry {
  readonly seq: number;
  readonly party: Party;
}

const user = (name: string, tenant?: string): Party => ({ user: name, tenant });

/** A queue in which these wait, in this order; those that are begun go on running. */
function queueOf(...parties: readonly Party[]) {
  const queue = createFairQueue<Entry>();
  let seq = 0;
  const enter = (party: Party): void => queue.enter(party, { seq: ++seq, party });
  for (const party of parties) enter(party);
  /** Begins the next `count`, and says whose they were. */
  const begin = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const entry = queue.next();
      if (entry === undefined) return "nobody";
      queue.begin(entry.party);
      return `${entry.party.user}${entry.seq}`;
    });
  return { queue, enter, begin };
}

test("one user's turns go in the order in which they came, as many as there are places", () => {
  const { begin, queue } = queueOf(user("a"), user("a"), user("a"));
  expect(begin(4)).toEqual(["a1", "a2", "a3", "nobody"]);
  expect(queue.size()).toBe(0);
});

test("a newcomer gets the next place, whatever waits before", () => {
  const { enter, begin } = queueOf(...Array.from({ length: 100 }, () => user("flood")));
  expect(begin(2)).toEqual(["flood1", "flood2"]);
  enter(user("new"));
  expect(begin(2)).toEqual(["new101", "flood3"]);
});

test("users share the places, also when one came first with many", () => {
  const { begin } = queueOf(user("a"), user("a"), user("a"), user("a"), user("b"), user("b"), user("b"));
  expect(begin(7)).toEqual(["a1", "b5", "a2", "b6", "a3", "b7", "a4"]);
});

test("what runs counts, until it has ended", () => {
  const { queue, enter, begin } = queueOf();
  const ends = [queue.begin(user("a")), queue.begin(user("a"))];
  queue.begin(user("b"));
  for (const name of ["a", "b", "b"]) enter(user(name));
  expect(begin(1)).toEqual(["b2"]);
  for (const end of ends) end();
  expect(begin(2)).toEqual(["a1", "b3"]);
});

test("of users with equally few turns the one goes first whose tenant has fewer", () => {
  const { queue, enter, begin } = queueOf();
  queue.begin(user("a", "big"));
  queue.begin(user("b", "big"));
  for (const party of [user("c", "big"), user("d", "small"), user("e")]) enter(party);
  expect(begin(3)).toEqual(["d2", "e3", "c1"]);
});

test("users of one name in two tenants are two", () => {
  const { begin } = queueOf(user("a", "x"), user("a", "x"), user("a", "y"));
  expect(begin(3)).toEqual(["a1", "a3", "a2"]);
});

test("knows who is new, and how many the busiest user has", () => {
  const { queue } = queueOf(user("waits"));
  expect(queue.mostRunning()).toBe(0);
  const ends = [1, 2, 3].map(() => queue.begin(user("busy")));
  queue.begin(user("other"));
  expect(["waits", "busy", "other", "new"].filter((name) => queue.isNew(user(name)))).toEqual(["new"]);
  expect(queue.mostRunning()).toBe(3);
  for (const end of ends) end();
  expect(queue.mostRunning()).toBe(1);
  expect(queue.isNew(user("busy"))).toBe(true);
});

test("one that comes again takes its own place, and one can be taken out", () => {
  const { queue, begin } = queueOf(user("a"), user("a"), user("b"));
  queue.enter(user("a"), { seq: 1, party: user("a") });
  expect(queue.size()).toBe(3);
  expect(queue.remove(user("a"), 1)?.seq).toBe(1);
  expect(queue.remove(user("a"), 1)).toBeUndefined();
  expect([...queue.waiting()].map(({ seq }) => seq)).toEqual([2, 3]);
  expect(begin(3)).toEqual(["a2", "b3", "nobody"]);
});

/** `enter` a turn of a user, or give a place to the next, or let the oldest that runs end. */
const Act = fc.oneof(
  fc.record({ enter: fc.integer({ min: 0, max: 4 }) }),
  fc.constant("next" as const),
  fc.constant("end" as const),
);

/** The same queue, written down as its rule. */
function createModel() {
  const waiting: Entry[] = [];
  const running: { name: string; end: () => void }[] = [];
  const runningOf = (name: string): number => running.filter((one) => one.name === name).length;
  return {
    waiting,
    runningOf,
    users: (): number => new Set(waiting.map(({ party }) => party.user)).size,
    most: (): number => Math.max(0, ...running.map(({ name }) => runningOf(name))),
    /** Those that may be next: the first of each user of whom the fewest run. */
    candidates(): Entry[] {
      const fewest = Math.min(...waiting.map(({ party }) => runningOf(party.user)));
      const firsts = [...new Map(waiting.toReversed().map((entry) => [entry.party.user, entry])).values()];
      return firsts.filter(({ party }) => runningOf(party.user) === fewest);
    },
    begin(entry: Entry, end: () => void): void {
      waiting.splice(waiting.indexOf(entry), 1);
      running.push({ name: entry.party.user, end });
    },
    end: (): void => running.shift()?.end(),
  };
}

/** Does it on both; returns what is wrong then. */
function faultOf(act: "next" | "end" | { enter: number }, seq: number, queue: Queue, model: Model): string | undefined {
  if (act === "end") model.end();
  else if (act === "next") {
    const candidates = model.candidates();
    const entry = queue.next();
    if (entry === undefined) return candidates.length === 0 ? undefined : "nobody, although some wait";
    if (!candidates.includes(entry)) return `turn ${entry.seq} is not the next`;
    model.begin(entry, queue.begin(entry.party));
  } else {
    const entry = { seq, party: user(`u${act.enter}`) };
    model.waiting.push(entry);
    queue.enter(entry.party, entry);
  }
  const same = queue.size() === model.waiting.length && queue.users() === model.users();
  return same && queue.mostRunning() === model.most() ? undefined : "wrong counts";
}
type Queue = ReturnType<typeof createFairQueue<Entry>>;
type Model = ReturnType<typeof createModel>;

test("P7: nothing is lost or handed out twice, and the next is always of a user of whom the fewest run", () => {
  fc.assert(
    fc.property(fc.array(Act, { maxLength: 200 }), (acts) => {
      const queue = createFairQueue<Entry>();
      const model = createModel();
      expect(acts.flatMap((act, i) => faultOf(act, i + 1, queue, model) ?? [])).toEqual([]);
    }),
  );
});
