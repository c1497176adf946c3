import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { requestOf } from "./chat-events.ts";
import { allWords, twoStatuses, type Seen, type Words } from "./seen.ts";
import type { Viewer } from "./viewer.ts";
import { ask, Breach, jsonOf, readAs, Refused, type TurnPlace, type Visit } from "./visit.ts";

const Calls = z.array(z.looseObject({ tool_name: z.string(), status: z.string() }));
const SeedA = z.looseObject({ message: z.string(), tool_calls: Calls });
const SeedC = z.looseObject({
  response: z.string(),
  session_id: z.string(),
  tool_calls: Calls,
  metadata: z.looseObject({ cancelled: z.literal(true).optional() }),
});
const Failure = z.looseObject({ error: z.string(), code: z.string(), turn_id: z.string().optional() });

/** They say nothing of the turn. */
const passing: ReadonlySet<string> = new Set(["OVERLOADED", "SHUTTING_DOWN", "RATE_LIMITED", "MODEL_TIMEOUT"]);

interface Reading {
  readonly name: string;
  readonly path: string;
  readonly words: Words;
  readonly read: (answer: unknown) => Seen;
}

/** The seeds over HTTP: the same request with the same key until it is answered, and once more then, which must say the same. */
function wholeAnswer({ name, path, words, read }: Reading): Viewer {
  return {
    name,
    words,
    look(place) {
      let first: unknown;
      return {
        async visit(visit) {
          const answer = await answerTo(visit, path, place);
          if (first === undefined) {
            first = answer;
            return "again";
          }
          if (!isDeepStrictEqual(answer, first)) throw new Breach("the same request is answered in another way");
          return "over";
        },
        seen: () => endedInError(first) ?? read(first),
      };
    },
  };
}

async function answerTo(visit: Visit, path: string, place: TurnPlace): Promise<unknown> {
  const answer = await ask(visit, path, requestOf(place));
  const text = await answer.text();
  if (answer.status === 200) return jsonOf(text);
  const { code, turn_id } = readAs(Failure, jsonOf(text));
  if (turn_id !== place.turn || passing.has(code)) throw new Refused(answer.status, text);
  return jsonOf(text);
}

function endedInError(answer: unknown): Seen | undefined {
  const { data } = Failure.safeParse(answer);
  return data && { text: "", reasoning: undefined, calls: [], end: `error:${data.code}` };
}

function callsOf(calls: z.infer<typeof Calls>): Seen["calls"] {
  return calls.map(({ tool_name: name, status }) => ({ name, status }));
}

/** Seed A does not say that an answer was stopped. */
export const seedAOverHttp = wholeAnswer({
  name: "seed A over HTTP",
  path: "/api/chat/message",
  words: twoStatuses,
  read(answer) {
    const { message, tool_calls } = readAs(SeedA, answer);
    return { text: message, reasoning: undefined, calls: callsOf(tool_calls), end: undefined };
  },
});

export const seedCOverHttp = wholeAnswer({
  name: "seed C over HTTP",
  path: "/api/v1/chat?knows=unknown",
  words: allWords,
  read(answer) {
    const { response, tool_calls, metadata } = readAs(SeedC, answer);
    const end = metadata.cancelled === true ? "cancelled" : "complete";
    return { text: response, reasoning: undefined, calls: callsOf(tool_calls), end };
  },
});
