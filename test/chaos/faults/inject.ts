import { sleep } from "@parley/runtime";
import type { Broker } from "@parley/testkit";
import { streams } from "@parley/protocol";
import type { Member } from "../world/member.ts";
import type { World } from "../world/world.ts";
import type { Fault, MemberKind } from "./fault.ts";
import { killLeader } from "./leaders.ts";

/** Breaks something and resolves when it is whole again. */
export async function inject(world: World, fault: Fault, signal: AbortSignal): Promise<void> {
  switch (fault.kind) {
    case "kill":
    case "freeze":
    case "restart":
    case "stall":
    case "sever": {
      const member = memberOf(world, fault.member, fault.index);
      return member.exclusively(() => breakMember(member, fault, signal));
    }
    case "kill broker":
    case "freeze broker":
      return breakBroker(serverOf(world, fault), fault, signal);
    case "kill leader":
      return killLeader(world, fault, signal);
    case "move leader":
      return askStream(world, "LEADER.STEPDOWN");
    case "delete events":
      return askStream(world, "DELETE");
    case "forget events":
      return forgetEvents(world, fault.olderThanMs, signal);
  }
}

function memberOf(world: World, kind: MemberKind, index: number): Member {
  const members = world.members[kind];
  const member = members[index % members.length];
  if (member === undefined) throw new Error(`the scenario has no ${kind}`);
  return member;
}

type MemberFault = Extract<Fault, { member: MemberKind }>;

async function breakMember({ service, proxy, kind }: Member, fault: MemberFault, signal: AbortSignal): Promise<void> {
  switch (fault.kind) {
    case "kill":
      await service.kill("SIGKILL");
      await sleep(fault.downMs, signal);
      return service.restart();
    case "restart":
      await service.stop();
      return service.restart();
    case "freeze":
      service.freeze();
      await sleep(fault.forMs, signal);
      service.thaw();
      return;
    case "stall":
    case "sever":
      if (proxy === undefined) throw new Error(`the scenario's ${kind} has no proxy`);
      proxy[fault.kind]();
      await sleep(fault.forMs, signal);
      proxy.heal();
      return;
  }
}

type BrokerFault = Extract<Fault, { broker: unknown }>;

function serverOf({ brokers }: World, { broker, server = 0 }: BrokerFault): Broker {
  const servers = brokers[broker];
  const found = servers[server % servers.length];
  if (found === undefined) throw new Error(`the scenario has no ${broker}`);
  return found;
}

async function breakBroker(broker: Broker, fault: BrokerFault, signal: AbortSignal): Promise<void> {
  if (fault.kind === "kill broker") {
    await broker.kill("SIGKILL");
    await sleep(fault.downMs, signal);
    return broker.restart();
  }
  broker.freeze();
  await sleep(fault.forMs, signal);
  broker.thaw();
}

async function forgetEvents(world: World, olderThanMs: number | undefined, signal: AbortSignal): Promise<void> {
  if (olderThanMs === undefined) return askStream(world, "PURGE");
  const { lastSeq } = await world.bus.events.state(0);
  await sleep(olderThanMs, signal);
  await askStream(world, "PURGE", { seq: lastSeq + 1 });
}

async function askStream({ bus }: World, what: "DELETE" | "PURGE" | "LEADER.STEPDOWN", options = {}): Promise<void> {
  await bus.nc.request(`$JS.API.STREAM.${what}.${streams.events(0)}`, JSON.stringify(options));
}
