import { setTimeout as delay } from "node:timers/promises";
import { openBus, type Bus } from "@parley/bus";
import { messageIdOf, subjects, type Outcome, type TurnRequest } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { z } from "zod";
import { createChain, type Chain } from "../../../services/agent-worker/src/chain.ts";
import { claimTurn } from "../../../services/agent-worker/src/claim.ts";
import { serveRole } from "../measure/role.ts";
import { benchUser } from "../sockets/access-token.ts";
import { inBatches } from "../sockets/together.ts";
import { conversationOf, ResumeLoad } from "./load.ts";
import { numberedToken } from "./numbered-token.ts";

const Options = z.object({ nats: z.string(), load: ResumeLoad });
/** Of a process that is never stopped in mid-claim. */
const stopping = new AbortController().signal;
const giveUpMs = 15_000;
const claimingAtOnce = 50;
const flushMs = 25;

function requestOf(index: number): TurnRequest {
  const turn_id = `turn-${index}`;
  return {
    ...{ v: 1, turn_id, conversation_id: conversationOf(index), user: { id: benchUser } },
    ...{
      id: `m${index}`,
      message_id: messageIdOf(turn_id, "user"),
      message: "Say something.",
      accepted_at: Date.now(),
    },
  };
}

/** As an agent worker keeps the turn. */
function recordsOf({ conversation_id, turn_id, message_id, message, accepted_at: ts }: TurnRequest) {
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts };
  const question = { ...common, message_id, author: { role: "user" as const, id: benchUser }, message };
  const answerId = messageIdOf(turn_id, "assistant");
  return [question, { ...common, message_id: answerId, author: { role: "assistant" as const }, message: "" }] as const;
}

function endOf(index: number): Outcome {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message_id = messageIdOf(`turn-${index}`, "assistant");
  return { type: "complete", response: "", message_id, tool_calls: [], usage, metadata: {} };
}

const benchLog = createLogger({ service: "bench", level: "warn", format: "json" });

async function claimFor(bus: Bus, request: TurnRequest) {
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
      log: benchLog,
    },
  });
  if (claim.kind !== "claimed") throw new Error(`a turn could not be claimed: ${claim.kind}`);
  return claim;
}

/** Turns, queued and recorded as an edge and a worker do it, of which some have ended and some are in mid-answer until they are told to stop. */
await serveRole(Options, async ({ nats, load }) => {
  const log = benchLog;
  const bus = await openBus({ servers: nats, name: "bench", log });
  const { events, owners, transcripts, turns } = bus;
  const chains: (Chain | undefined)[] = [];
  let isStopped = false;
  let made = 0;
  const onFenced = (err: Error): void => log.error({ err }, "a writer was fenced");
  const onTooLarge = (err: Error): void => log.error({ err }, "an event was too large");

  const begin = async (index: number): Promise<void> => {
    const request = requestOf(index);
    const { conversation_id: conversationId, turn_id: turnId } = request;
    await owners.claim(conversationId, benchUser);
    if (index < load.streaming) await turns.submit(request);
    const claim = await claimFor(bus, request);
    const chain = createChain({
      ...{ events, conversationId, turnId, attempt: claim.attempt, fold: claim.fold, flushMs: () => flushMs, giveUpMs },
      subject: subjects.agent(events.shardOf(conversationId), conversationId, turnId),
      ...{ onFenced, onTooLarge },
    });
    if (index >= load.streaming) {
      await transcripts.append(...recordsOf(request));
      chain.push(endOf(index));
      await chain.stored();
    } else chains[index] = chain;
  };

  const stream = async (): Promise<void> => {
    const startedAt = performance.now();
    const perMs = (load.rate * load.streaming) / 1_000;
    for (; !isStopped; await delay(5)) {
      const due = Math.floor((performance.now() - startedAt) * perMs);
      for (; made < due; made++) chains[made % load.streaming]?.text(numberedToken(Math.floor(made / load.streaming)));
    }
  };
  let streaming: Promise<void> | undefined;
  return {
    begin: () => inBatches(load.viewers, claimingAtOnce, begin),
    start() {
      streaming = stream();
    },
    /** Ends every answer; says how many tokens the first ones have, the others have one less at most. */
    async stop() {
      isStopped = true;
      await streaming;
      chains.forEach((chain, index) => chain?.push(endOf(index)));
      await Promise.all(chains.flatMap((chain) => chain?.stored() ?? []));
      return { tokens: made };
    },
  };
});
