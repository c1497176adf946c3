import { jetstreamManager } from "@nats-io/jetstream";
import { openBus, type Bus } from "@parley/bus";
import { streams } from "@parley/protocol";
import { eventually, signedIn } from "@parley/testkit";
import { expect, it } from "vitest";
import { createWorld, log } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { plant } from "./support/planted-person.ts";
import { leftInStreams } from "./support/store-search.ts";

const windowMs = 2_000;
const leaseMs = 800;

/** A bus that loses its connection, for good, at the nth thing that an erasure does. */
function dying(bus: Bus, nth: number): { readonly bus: Bus; readonly isDead: () => boolean } {
  let done = 0;
  const counted = <Args extends unknown[], T>(action: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (++done === nth) await bus.nc.close();
      if (done >= nth) throw new Error("the process was killed");
      return action(...args);
    };
  };
  const { erasing, privacy, changes, people } = bus;
  return {
    isDead: () => done >= nth,
    bus: {
      ...bus,
      erasing: {
        ...erasing,
        blank: counted(erasing.blank),
        rename: counted(erasing.rename),
        drop: counted(erasing.drop),
        dropFacts: counted(erasing.dropFacts),
      },
      privacy: { ...privacy, changeErasure: counted(privacy.changeErasure) },
      changes: { ...changes, change: counted(changes.change) },
      people: { ...people, change: counted(people.change) },
    },
  };
}

it.each([2, 5, 8, 12, 17])(
  "an edge that is killed at the %ith thing it does leaves an erasure that another one ends",
  { timeout: 60_000 },
  async (nth) => {
    await using world = await createWorld();
    const jsm = await jetstreamManager(world.bus.nc, { checkAPI: false });
    const short = { max_age: windowMs * 1e6, duplicate_window: windowMs * 1e6 };
    await jsm.streams.update(streams.events(0), short);
    const privacy = { leaseMs };
    const [user, word] = ["yan-who-leaves", "glockenspiel4402"];
    const quiet = await world.addEdge({ eventWindowMs: windowMs, privacy: { leaseMs: 600_000 } });
    await plant(world, [quiet, quiet], user, word);
    await quiet.stop();

    const own = await openBus({ servers: signedIn(world.nats.url, "edge"), name: "dying edge", log });
    const { bus, isDead } = dying({ ...own, eventWindowMs: windowMs }, nth);
    const first = await world.addEdge({ bus, privacy });
    await ask(first, "DELETE", "/api/v1/me", { user, body: { confirm: user } });
    await eventually(isDead, { what: "the kill", timeoutMs: 20_000 });

    const second = await world.addEdge({ eventWindowMs: windowMs, privacy });
    // It may have died before it had noted the wish: then it is asked again.
    const { body } = await ask(second, "DELETE", "/api/v1/me", { user, body: { confirm: user } });
    await eventually(
      async () =>
        (await ask(second, "GET", `/api/v1/erasures/${body.erasure_id}`, { user: null })).body.state === "done",
      { what: "the end of the erasure", timeoutMs: 40_000 },
    );
    expect(await leftInStreams(world.bus, [user, word], 10_000)).toEqual([]);
  },
);
