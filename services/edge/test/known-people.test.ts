import type { FollowedPeople, Owner } from "@parley/bus";
import type { People, PeopleRecord } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { createKnownPeople, type KnownPeople } from "../src/commands/known-people.ts";

const people: People = { owner: { id: "ann" }, members: [], invites: [], agents: [], pins: [], has: {} };
const bert = { id: "bert", role: "writer", since: 1 } as const;
const recordOf = (n: number, members: People["members"] = []): PeopleRecord => ({
  ...{ v: 1, kind: "people", conversation_id: "c", n, people: { ...people, members }, ts: 1 },
});

let known: KnownPeople | undefined;
afterEach(() => known?.close());

/** What a broker answers, each when the test says so. */
function createBroker() {
  const asked: ((record: PeopleRecord | undefined) => void)[] = [];
  const told: FollowedPeople[] = [];
  const owner: Owner = { userId: "ann", tenant: undefined };
  const bus = {
    owners: { ownerOf: () => Promise.resolve(owner) },
    people: {
      of: () => new Promise<PeopleRecord | undefined>((resolve) => void asked.push(resolve)),
      follow: () => ({ step: () => Promise.resolve({ found: told.splice(0), isWhole: true, isAnew: false }) }),
    },
  };
  known = createKnownPeople({ bus, log: pino({ level: "silent" }), everyMs: 5 });
  return { asked, told, known };
}

it("goes by the later of two answers, whichever comes first", async () => {
  const { asked, known } = createBroker();
  const looks = [known.lookUp("c"), known.lookUp("c")];
  asked[1]?.(recordOf(2));
  expect((await looks[1])?.n).toBe(2);
  asked[0]?.(recordOf(1, [bert]));
  expect((await looks[0])?.people?.members).toEqual([]);
  expect(known.peek("c")?.n).toBe(2);
});

it("goes by what it has heard, where a copy that is behind answers later", async () => {
  const { asked, told, known } = createBroker();
  const first = known.lookUp("c");
  asked[0]?.(recordOf(1, [bert]));
  await first;
  told.push({ conversation: "c", record: recordOf(2) });
  await eventually(() => known.peek("c")?.n === 2, { what: "the change" });
  const late = known.lookUp("c");
  asked[1]?.(recordOf(1, [bert]));
  expect((await late)?.n).toBe(2);
  expect(known.peek("c")?.people?.members).toEqual([]);
});

it("knows nothing of a conversation that was deleted, so not whose it was", async () => {
  const { asked, told, known } = createBroker();
  const first = known.lookUp("c");
  asked[0]?.(recordOf(1));
  await first;
  const { people: _people, ...deleted } = recordOf(2);
  told.push({ conversation: "c", record: deleted });
  await eventually(() => known.peek("c") === undefined, { what: "the deletion" });
});
