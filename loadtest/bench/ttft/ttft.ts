import { freePort, startNats, startSystem } from "@parley/testkit";
import type { Bench, BenchContext } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { profiling } from "../measure/profiling.ts";
import { startRole } from "../measure/role.ts";
import { quantile, rounded } from "../measure/statistics.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { openRawSocket } from "../sockets/raw-socket.ts";
import { openAsker, timeBare, timeCancel, timeMessage } from "./asking.ts";
import { startModelServer } from "./model-server.ts";

const messages = 200;
const cancels = 50;
const warmUp = 30;
/** Messages of one conversation: enough for a history, not so many that reading it is what is measured. */
const perConversation = 10;

interface Times {
  readonly bare: number[];
  readonly fresh: number[];
  readonly existing: number[];
  readonly cancel: number[];
}

function collectParley(times: Times, { profileDir }: BenchContext): Promise<void> {
  return withBelongings(async (own) => {
    const model = await own(startModelServer());
    const profile = profiling(profileDir, "agent-ttft");
    const env = {
      "agent-worker": { OPENAI_BASE_URL: model.url, LOG_LEVEL: "warn", ...profile.env },
      edge: { LOG_LEVEL: "warn" },
    };
    const system = await own(startSystem({ env, toolWorkers: 0 }));
    const [edge] = system.edges;
    const [worker] = system.agentWorkers;
    if (edge === undefined || worker === undefined) throw new Error("the system has no edge or worker");
    const asker = await openAsker(edge.port, nativeProtocol(system.jwtSecret));
    for (let i = 0; i < warmUp; i++) await timeMessage(asker, model, undefined);
    profile.start(worker.pid);
    let conversation: string | undefined;
    for (let i = 0; i < messages; i++) {
      // One of each, so that whatever else the machine does falls on both.
      times.fresh.push((await timeMessage(asker, model, undefined)).ms);
      if (i % perConversation === 0) ({ conversation } = await timeMessage(asker, model, undefined));
      times.existing.push((await timeMessage(asker, model, conversation)).ms);
    }
    for (let i = 0; i < cancels; i++) times.cancel.push(await timeCancel(asker, model));
    asker.socket.destroy();
    await profile.write(worker.pid);
  });
}

function collectBare(times: Times): Promise<void> {
  return withBelongings(async (own) => {
    const model = await own(startModelServer());
    const nats = await own(startNats());
    const port = await freePort();
    const file = new URL("../bare-relay/turn.role.ts", import.meta.url);
    await own(startRole(file, { nats: nats.url, port, model: model.url }));
    const socket = await openRawSocket({ port, path: "/", onFrame: () => {} });
    for (let i = 0; i < warmUp; i++) await timeBare(socket, model);
    for (let i = 0; i < messages; i++) times.bare.push(await timeBare(socket, model));
    socket.destroy();
  });
}

/** What Parley itself adds before the model can begin, and after somebody wants it to stop. */
export const ttft: Bench = {
  name: "ttft",
  about: "client's frame to model's request on an idle system, and cancel to its close",
  takesSeconds: 60,
  async run(context) {
    const times: Times = { bare: [], fresh: [], existing: [], cancel: [] };
    for (let round = 1; round <= context.rounds; round++) {
      await collectBare(times);
      await collectParley(times, context);
      context.say(
        `round ${round}: p50 ${rounded(quantile(times.fresh, 0.5))} ms, bare ${rounded(quantile(times.bare, 0.5))} ms`,
      );
    }
    const row = (name: string, values: readonly number[]): string[] => {
      const figures = [0.5, 0.95, 0.99].map((share) => rounded(quantile(values, share)));
      return [name, ...figures.map(String), String(rounded(quantile(values, 0.5) / quantile(times.bare, 0.5)))];
    };
    const table = [
      ["what", "p50 ms", "p95 ms", "p99 ms", "p50 to bare"],
      row("bare: frame to request", times.bare),
      row("new conversation", times.fresh),
      row("existing conversation", times.existing),
      row("cancel to close", times.cancel),
    ];
    const budgets = [
      { what: "new conversation: p50 in ms", value: quantile(times.fresh, 0.5), limit: 3, is: "<=" },
      { what: "existing conversation: p50 in ms", value: quantile(times.existing, 0.5), limit: 3, is: "<=" },
      { what: "cancel to close: p99 in ms", value: quantile(times.cancel, 0.99), limit: 250, is: "<=" },
    ] as const;
    return { figures: times, table, budgets };
  },
};
