import {
  conversationOfSession,
  historyOf,
  noSuchResponse,
  placeOfResponse,
  responseOf,
  type ResponseKnown,
  type ResponsePlace,
  type TurnHistory,
} from "@parley/dialects";
import { ChatError, decodeEvent, subjects, type TurnRequest, type TurnView } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";

/** What is known of a response beside its answer. */
export interface KnownResponse {
  readonly place: ResponsePlace;
  /** The user's message. */
  readonly question: string;
  readonly about: ResponseKnown;
}

export type Lookup = ReturnType<typeof createLookup>;

const routedModel = "parley";

/** Finds responses by their names. What is somebody else's is not there. */
export function createLookup({ streams, bus, ownership }: Pick<FacadeDeps, "streams" | "bus" | "ownership">) {
  const queuedOf = async ({ conversation_id, turn_id }: ResponsePlace): Promise<TurnRequest | undefined> =>
    (await bus.turns.waiting(conversation_id)).find(({ request }) => request.turn_id === turn_id)?.request;

  /** The message: by its fact, which is kept for days; then by the transcript. */
  const questionOf = async ({ conversation_id: conversation, turn_id: turn }: ResponsePlace) => {
    const said = await bus.facts.readStored("said", { conversation, turn });
    if (said?.fact.kind === "said") return { question: said.fact.message, createdMs: said.fact.ts };
    const stored = (await bus.transcripts.find(conversation, turn, 0))?.question;
    return stored === undefined ? undefined : { question: stored.message, createdMs: stored.ts };
  };

  const isOwn = ({ conversation_id }: ResponsePlace, { caller }: Call): Promise<boolean> =>
    ownership.isOwn(conversation_id, caller);

  /** Throws NOT_FOUND. */
  const known = async (place: ResponsePlace, call: Call, param: string): Promise<KnownResponse> => {
    if (!(await isOwn(place, call))) throw noSuchResponse(param);
    const [asked, queued] = await Promise.all([questionOf(place), queuedOf(place)]);
    const createdMs = asked?.createdMs ?? queued?.accepted_at;
    if (createdMs === undefined) throw noSuchResponse(param);
    const about = {
      segment: place.segment,
      createdMs,
      model: queued?.agent ?? routedModel,
      previous: null,
      background: false,
      metadata: textsOf(queued?.metadata),
    };
    return { place, question: asked?.question ?? queued?.message ?? "", about };
  };

  return {
    isOwn,
    known,

    /** Throws NOT_FOUND, also for what cannot be the name of one. */
    async find(id: string, call: Call, param = "response_id"): Promise<KnownResponse> {
      const place = placeOfResponse(id);
      if (place === undefined) throw noSuchResponse(param);
      return known(place, call, param);
    },

    /** How it stands now. Throws NOT_FOUND where its turn has no such piece. */
    async object(response: KnownResponse, call: Call, turn?: TurnView): Promise<object> {
      const { place, about } = response;
      const now = turn ?? (await streams.settle(call, { place }, { stopsAtWait: false, stopsAtOnce: true })).turn;
      const object = responseOf(now, about, place);
      if (object === undefined) throw noSuchResponse("response_id");
      return object;
    },

    /** What clients may have of it so far, by the events of its turn; undefined: these are not kept any more, or are too many. */
    async history({ place: { conversation_id, turn_id }, about }: KnownResponse): Promise<TurnHistory | undefined> {
      const { events } = bus;
      const shard = events.shardOf(conversation_id);
      const first = await Promise.all([
        events.firstSeq(subjects.user(shard, conversation_id, turn_id)),
        events.firstSeq(subjects.agent(shard, conversation_id, turn_id)),
      ]);
      const fromSeq = Math.min(...first.map((seq) => seq ?? Infinity));
      if (fromSeq === Infinity) return undefined;
      const stored = await events.read(conversation_id, { fromSeq });
      const told = stored.map(({ data }) => decodeEvent(data));
      return historyOf({ conversation_id, turn_id }, told, about);
    },

    /** Whether the conversation has only this turn. */
    async isAlone({ conversation_id, turn_id }: ResponsePlace): Promise<boolean> {
      const [{ turns, before }, queued] = await Promise.all([
        bus.transcripts.tail(conversation_id, { limit: 2 }),
        bus.turns.waiting(conversation_id),
      ]);
      const others = [...turns.map((turn) => turn.turn_id), ...queued.map(({ request }) => request.turn_id)];
      return before === 0 && others.every((turn) => turn === turn_id);
    },

    /** The conversation that a client calls so. */
    conversationOf: ({ caller }: Call, name: string) => conversationOfSession(ownership.isOwn, caller, name),
  };
}

/** What came as metadata of a response is texts. */
function textsOf(metadata: TurnRequest["metadata"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

/** A number that means another event to whoever has it than to us, or may: nothing can go on from there. */
export function cannotResume(why: string): ChatError {
  return new ChatError("CONFLICT", {
    message: `${why} Get the response from its beginning, without \`starting_after\`.`,
  });
}
