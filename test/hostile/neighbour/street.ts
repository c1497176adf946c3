import { startSystem, type Service, type System, type SystemOptions } from "@parley/testkit";
import { devToken } from "../../e2e/person.ts";
import { harmOf, type Figures, type Harm, type Windows } from "./harm.ts";
import { startNeighbour, type Neighbour } from "./neighbour.ts";

/** A system with an edge to attack and one to leave alone, and somebody who chats at each all the time. */
export interface Street extends AsyncDisposable {
  readonly system: System;
  /** The edge to attack. */
  readonly edge: Service;
  /** How those two fare until the attack ends. */
  during<T>(attack: Promise<T>): Promise<{ readonly result: T; readonly harm: Harm }>;
  /** What happened to them that must not. */
  faults(): readonly string[];
}

const windowPings = 40;
const windowsBefore = 4;

export async function openStreet(env: SystemOptions["env"] = {}): Promise<Street> {
  const system = await startSystem({
    edges: 2,
    toolWorkers: 0,
    env: { "model-simulator": { SIM_TOKENS_PER_SECOND: "400" }, ...env },
  });
  const [edge, other] = system.edges;
  if (edge === undefined || other === undefined) throw new Error("there are not two edges");
  const attacked = await startNeighbour(edge.port, await devToken(edge, "neighbour"));
  const beside = await startNeighbour(other.port, await devToken(other, "neighbour beside"));
  let count = 0;
  const before = await watch({ attacked, beside }, () => ++count >= windowsBefore);
  return {
    system,
    edge,
    async during(attack) {
      let hasEnded = false;
      const ending = attack.finally(() => {
        hasEnded = true;
      });
      const [result, windows] = await Promise.all([ending, watch({ attacked, beside }, () => hasEnded)]);
      return { result, harm: harmOf(before, windows) };
    },
    faults: () => [...attacked.faults, ...beside.faults],
    async [Symbol.asyncDispose]() {
      await Promise.all([attacked[Symbol.asyncDispose](), beside[Symbol.asyncDispose]()]);
      await system[Symbol.asyncDispose]();
    },
  };
}

type Both = Readonly<Record<keyof Windows, Neighbour>>;

async function watch({ attacked, beside }: Both, isOver: () => boolean): Promise<Windows> {
  const windows: Record<keyof Windows, Figures[]> = { attacked: [], beside: [] };
  do {
    const [one, other] = await Promise.all([attacked.figures(windowPings), beside.figures(windowPings)]);
    windows.attacked.push(one);
    windows.beside.push(other);
  } while (!isOver() && attacked.faults.length + beside.faults.length === 0);
  return windows;
}
