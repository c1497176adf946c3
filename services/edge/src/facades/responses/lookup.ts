import {
  askedPeople,
  askedPeopleBefore,
  clientCallsBefore,
  clientCallsIn,
  conversationOfSession,
  historyOf,
  isUnkept,
  noSuchResponse,
  placeOfResponse,
  responseOf,
  type AskedPeople,
  type IsOwn,
  type KeptBefore,
  type ResponseKnown,
  type ResponsePlace,
  type TurnHistory,
} from "@parley/dialects";
import { RangeTooLargeError } from "@parley/bus";
import {
  ChatError,
  decodeEvent,
  subjects,
  turnOfCall,
  type ClientCall,
  type ConversationId,
  type TurnRequest,
  type TurnView,
} from "@parley/protocol";
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

const unknown: ResponseKnown = {
  ...{ segment: 0, createdMs: 0, model: routedModel, metadata: {} },
  ...{ previous: null, background: false },
};

type Deps = Pick<FacadeDeps, "bus" | "ownership">;
/** Who asks. */
type Asker = Pick<Call, "caller">;

/** Finds responses by their names. What is somebody else's is not there. `shows`: which of the conversations that live as long as a socket are. */
export function createLookup({ bus, ownership }: Deps, shows: (conversation: ConversationId) => boolean = () => false) {
  const isOwnConversation: IsOwn = async (conversation, caller) =>
    (!isUnkept(conversation) || shows(conversation)) && ownership.isOwn(conversation, caller);
  const isOwn = ({ conversation_id }: ResponsePlace, { caller }: Asker): Promise<boolean> =>
    isOwnConversation(conversation_id, caller);

  /** Throws NOT_FOUND. */
  const known = async (place: ResponsePlace, call: Asker, param: string): Promise<KnownResponse> => {
    const found = (await isOwn(place, call)) ? await knownOf(bus, place) : undefined;
    if (found === undefined) throw noSuchResponse(param);
    return found;
  };

  return {
    isOwn,
    known,

    /** Throws NOT_FOUND, also for what cannot be the name of one. */
    async find(id: string, call: Asker): Promise<KnownResponse> {
      const place = placeOfResponse(id);
      if (place === undefined) throw noSuchResponse("response_id");
      return known(place, call, "response_id");
    },

    /** What clients may have of it so far, by the events of its turn; undefined: these are not kept any more, or are too many. */
    history: (response: KnownResponse): Promise<TurnHistory | undefined> => historyIn(bus, response),

    /** What people are asked at the end of it. Undefined: that is not known, or not any more. */
    async askedPeople(response: KnownResponse): Promise<AskedPeople | undefined> {
      const history = await historyIn(bus, response);
      if (history !== undefined) return askedPeople(history);
      const { conversation_id, turn_id } = response.place;
      const stored = await bus.transcripts.find(conversation_id, turn_id, 0);
      return stored && askedPeopleBefore(stored, response.place);
    },

    /** What a request goes on from. `call`: one of the answer whose calls are wanted. Undefined: from nothing. */
    async before(conversation: ConversationId | undefined, call: string | undefined): Promise<KeptBefore | undefined> {
      return conversation === undefined ? undefined : { calls: await clientCalls(bus, conversation, call) };
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
    conversationOf: ({ caller }: Asker, name: string) => conversationOfSession(isOwnConversation, caller, name),
  };
}

/** A response as it stands now. Throws NOT_FOUND where its turn has no such piece. */
export async function objectOf(
  streams: FacadeDeps["streams"],
  { place, about }: Omit<KnownResponse, "question">,
  call: Call,
  turn?: TurnView,
): Promise<object> {
  const now = turn ?? (await streams.settle(call, { place }, { stopsAtWait: false, stopsAtOnce: true })).turn;
  const object = responseOf(now, about, place);
  if (object === undefined) throw noSuchResponse("response_id");
  return object;
}

/** Undefined: there is no such turn. */
async function knownOf(bus: Deps["bus"], place: ResponsePlace): Promise<KnownResponse | undefined> {
  const { conversation_id, turn_id, segment } = place;
  const [asked, waiting] = await Promise.all([questionOf(bus, place), bus.turns.waiting(conversation_id)]);
  const queued = waiting.find(({ request }) => request.turn_id === turn_id)?.request;
  const { text, createdMs } = asked ?? (queued && { text: queued.message, createdMs: queued.accepted_at }) ?? {};
  if (text === undefined || createdMs === undefined) return undefined;
  const known = { model: queued?.agent ?? routedModel, metadata: textsOf(queued?.metadata) };
  return { place, question: text, about: { segment, createdMs, ...known, previous: null, background: false } };
}

/** The message: by its fact, which is kept for days; then by the transcript. */
async function questionOf({ facts, transcripts }: Deps["bus"], { conversation_id, turn_id }: ResponsePlace) {
  const said = await facts.readStored("said", { conversation: conversation_id, turn: turn_id });
  if (said?.fact.kind === "said") return { text: said.fact.message, createdMs: said.fact.ts };
  const stored = (await transcripts.find(conversation_id, turn_id, 0))?.question;
  return stored === undefined ? undefined : { text: stored.message, createdMs: stored.ts };
}

/** The calls of the client's own tools in which the answer ended that made this one; none: that is not known, or not any more. */
async function clientCalls(
  bus: Deps["bus"],
  conversation_id: ConversationId,
  call: string | undefined,
): Promise<readonly ClientCall[]> {
  const turn_id = turnOfCall(call ?? "");
  if (turn_id === undefined) return [];
  const place = { conversation_id, turn_id, segment: 0 };
  const said = await bus.facts.readStored("said", { conversation: conversation_id, turn: turn_id });
  const stored = await bus.transcripts.find(conversation_id, turn_id, said?.storedMs ?? 0);
  const recorded = stored && clientCallsBefore(stored, place);
  // It is told before it is recorded.
  return recorded ?? clientCallsIn(await historyIn(bus, { place, about: unknown }));
}

async function historyIn(
  { events }: Deps["bus"],
  { place: { conversation_id, turn_id }, about }: Omit<KnownResponse, "question">,
): Promise<TurnHistory | undefined> {
  const shard = events.shardOf(conversation_id);
  // Which of the two comes first depends on who was quicker, the edge or the worker.
  const first = await Promise.all([
    events.firstSeq(subjects.user(shard, conversation_id, turn_id)),
    events.firstSeq(subjects.agent(shard, conversation_id, turn_id)),
  ]);
  const fromSeq = Math.min(...first.map((seq) => seq ?? Infinity));
  if (fromSeq === Infinity) return undefined;
  try {
    const stored = await events.read(conversation_id, { fromSeq });
    const told = stored.map(({ data }) => decodeEvent(data));
    return historyOf({ conversation_id, turn_id }, told, about);
  } catch (error) {
    if (error instanceof RangeTooLargeError) return undefined;
    throw error;
  }
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
