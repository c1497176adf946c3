import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { turnsConsumer, streams, wakeConsumer } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import type { World } from "../world/world.ts";
import type { Fault, Led } from "./fault.ts";

/** A server that was killed has all again within this. */
const currentWithinMs = 30_000;

/** What is led, by stream and consumer. */
const led: Readonly<Record<Led, readonly [stream: string, consumer?: string]>> = {
  turns: [streams.turns],
  deliveries: [streams.turns, turnsConsumer],
  facts: [streams.facts(0)],
  decisions: [streams.facts(0), wakeConsumer],
  events: [streams.events(0)],
};

/** Kills whoever leads that now. Two servers without the same write at once may lose it, so all copies are there before the next one goes. */
export async function killLeader(
  world: World,
  { of, downMs }: Extract<Fault, { kind: "kill leader" }>,
  signal: AbortSignal,
): Promise<void> {
  const server = await eventually(() => leaderWhenCurrent(world, of, signal), {
    what: `a leader of the ${of}, and all copies`,
    timeoutMs: currentWithinMs,
    intervalMs: 200,
  });
  await server.kill("SIGKILL");
  await sleep(downMs, signal);
  await server.restart();
}

async function leaderWhenCurrent({ bus, brokers }: World, of: Led, signal: AbortSignal) {
  // Whoever stops the run waits for no leader.
  signal.throwIfAborted();
  const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
  const isCurrent = await Promise.all(
    [streams.turns, streams.facts(0), streams.events(0), streams.log(0)].map((stream) => hasAllCopies(jsm, stream)),
  );
  if (isCurrent.includes(false)) return undefined;
  const [stream, consumer] = led[of];
  const { cluster } = await (consumer === undefined ? jsm.streams.info(stream) : jsm.consumers.info(stream, consumer));
  // Its configuration calls them n0, n1, n2.
  return brokers.nats[Number(/^n(\d+)$/.exec(cluster?.leader ?? "")?.[1])];
}

async function hasAllCopies(jsm: JetStreamManager, stream: string): Promise<boolean> {
  const { cluster } = await jsm.streams.info(stream);
  return (cluster?.leader ?? "") !== "" && (cluster?.replicas ?? []).every(({ current }) => current);
}
