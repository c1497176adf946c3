import { openBus } from "@parley/bus";
import { messageIdOf, subjects, type TurnRequest } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { z } from "zod";
import { createChain, type Chain } from "../../../services/agent-worker/src/chain.ts";
import { claimTurn } from "../../../services/agent-worker/src/claim.ts";
import { serveRole } from "../measure/role.ts";
import { benchUser } from "../sockets/access-token.ts";
import { inBatches } from "../sockets/together.ts";
import { conversationOf, Load } from "./load.ts";
import { makeTokens } from "./pacing.ts";

const Options = z.object({ nats: z.string(), load: Load });
/** Of a process that is never stopped in mid-claim. */
const stopping = new AbortController().signal;
const giveUpMs = 15_000;
const claimingAtOnce = 50;

function requestOf(turn: number): TurnRequest {
  const turn_id = `turn-${turn}`;
  return {
    ...{ v: 1, turn_id, conversation_id: conversationOf(turn), user: { id: benchUser } },
    ...{ id: `m${turn}`, message_id: messageIdOf(turn_id, "user"), message: "Say something.", accepted_at: Date.now() },
  };
}

/** The agent worker's own claim and chain, with a script in place of the model. */
await serveRole(Options, async ({ nats, load }) => {
  const log = createLogger({ service: "bench", level: "warn", format: "json" });
  const bus = await openBus({ servers: nats, name: "bench", log });
  const { events, owners } = bus;
  const chains: (Chain | undefined)[] = [];
  let fenced = 0;

  const begin = async (turn: number): Promise<void> => {
    const request = requestOf(turn);
    const { conversation_id: conversationId, turn_id: turnId } = request;
    await owners.claim(conversationId, benchUser);
    const claim = await claimTurn(request, {
      ...{
        bus,
        worker: "bench",
        giveUpMs,
        lostAttempts: 0,
        stopping,
        readsFacts: false,
        isOld: false,
        queuedAt: Date.now(),
        log,
      },
    });
    if (claim.kind !== "claimed") throw new Error(`the turn could not be claimed: ${claim.kind}`);
    chains[turn] = createChain({
      ...{ events, conversationId, turnId, attempt: claim.attempt, fold: claim.fold },
      subject: subjects.agent(events.shardOf(conversationId), conversationId, turnId),
      ...{ flushMs: () => load.flushMs, giveUpMs },
      onFenced: () => void fenced++,
      onTooLarge: () => void fenced++,
    });
  };
  return {
    claim: () => inBatches(load.turns, claimingAtOnce, begin),
    async write() {
      await makeTokens(load, (turn, token) => chains[turn]?.text(token));
      await Promise.allSettled(chains.flatMap((chain) => chain?.stored() ?? []));
      return { refused: fenced };
    },
  };
});
