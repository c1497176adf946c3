import { randomBytes } from "node:crypto";
import {
  compactionItem,
  messagesOfInput,
  noSuchResponse,
  paramError,
  placeOfResponse,
  readInput,
  ResponsesRequest,
  type ResponsePlace,
} from "@parley/dialects";
import { textOf, type StoredTurn } from "@parley/protocol";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import type { Models } from "../chat-completions/models.ts";
import { refuse } from "./errors.ts";
import type { Lookup } from "./lookup.ts";

const maxBodyBytes = 2 * 1024 * 1024;

const { input, previous_response_id } = ResponsesRequest.shape;
const CompactRequest = z.object({ model: z.string().min(1).max(128), input, previous_response_id });
type CompactRequest = z.infer<typeof CompactRequest>;

const Compaction = z.object({
  id: z.string(),
  object: z.literal("response.compaction"),
  created_at: z.number(),
  output: z.array(z.looseObject({ type: z.literal("compaction") })),
  usage: z.looseObject({ total_tokens: z.number() }),
});

interface Deps extends Pick<FacadeDeps, "bus" | "streams"> {
  readonly lookup: Lookup;
  readonly models: Models;
}

/** `POST /v1/responses/compact`: for clients that keep the conversation themselves. Nothing of it is kept, and no model is asked. */
export function createCompactionRoute(deps: Deps): Route {
  return defineRoute({
    ...{ method: "post", path: "/v1/responses/compact", access: "user or developer" },
    ...{ refuse, maxBodyBytes, params: nothing, query: nothing },
    summary: "Make what was said last, within bounds, one item with which a new conversation begins.",
    body: CompactRequest,
    responses: { 200: { description: "The item, as the only one of its `output`.", content: Compaction } },
    async handle(call, { body }) {
      await deps.models.agentOf(call.caller, body.model);
      const said = [
        ...(await before(deps, call, body.previous_response_id)),
        ...messagesOfInput(readInput(body.input ?? []), undefined),
      ];
      if (said.length === 0) throw paramError("input", "There is nothing to make shorter: give `input`.");
      const id = randomBytes(16).toString("base64url");
      return jsonReply(200, {
        id: `resp_cmp_${id}`,
        object: "response.compaction",
        created_at: Math.floor(Date.now() / 1_000),
        output: [compactionItem(`cmp_${id}`, said)],
        usage: noUsage,
      });
    },
  });
}

const noUsage = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
};

/** More turns than these have no room in an item, unless each says next to nothing. */
const mostTurns = 200;

type Message = ReturnType<typeof messagesOfInput>[number];

/** What was said up to a response. Throws NOT_FOUND. */
async function before(deps: Deps, call: Call, id: string | null | undefined): Promise<Message[]> {
  if (id === undefined || id === null) return [];
  const place = placeOfResponse(id);
  if (place === undefined) throw noSuchResponse("previous_response_id");
  const { question } = await deps.lookup.known(place, call, "previous_response_id");
  const { turns } = await pathTo(deps, place);
  const at = turns.findIndex(({ turn_id, answer }) => turn_id === place.turn_id && answer !== undefined);
  if (at >= 0) return turns.slice(0, at + 1).flatMap(messagesOfTurn);
  // It is told before it is recorded; and it may be older than what has room.
  const { turn } = await deps.streams.settle(call, { place }, { stopsAtWait: true, stopsAtOnce: true });
  const earlier = turns.filter(({ turn_id }) => turn_id !== place.turn_id);
  return [...earlier.flatMap(messagesOfTurn), ...messagesOf(question, textOf(turn))];
}

/** What leads to the response: turns that others have taken the place of are no part of it. To one that has no record: what leads to the newest that has. */
async function pathTo({ bus: { transcripts } }: Deps, { conversation_id, turn_id }: ResponsePlace) {
  const to = await transcripts.path(conversation_id, { limit: mostTurns, leaf: turn_id });
  return to ?? (await transcripts.path(conversation_id, { limit: mostTurns })) ?? { turns: [] };
}

function messagesOfTurn({ question, answer }: StoredTurn): Message[] {
  if (question?.author.role === "operator") return messagesOf("", question.message);
  return messagesOf(question?.message ?? "", answer?.message ?? "");
}

function messagesOf(question: string, answer: string): Message[] {
  const both: Message[] = [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ];
  return both.filter(({ content }) => content !== "");
}
