import { createNativeFold, nativeWords } from "./native-fold.ts";
import type { Viewer } from "./viewer.ts";
import { ask, Breach, jsonOf, readAs, serverEvents, Typed, type TurnPlace } from "./visit.ts";

/** The request that has asked. */
export function requestOf({ conversation, message }: TurnPlace) {
  if (message === undefined) throw new Breach("a viewer that needs the message's id does not have it");
  const { id, text, agent } = message;
  return {
    headers: { "idempotency-key": id },
    body: { conversation_id: conversation, message: text, ...(agent === undefined ? {} : { agent }) },
  };
}

/** The request that asks, once more: with its key, and where it was cut with `Last-Event-ID`. */
export const chatEvents: Viewer = {
  name: "POST /api/v1/chat, as events",
  words: nativeWords,
  look(place) {
    const fold = createNativeFold(place);
    let lastId: string | undefined;
    let hasEnd = false;
    return {
      async visit(visit) {
        const resumes: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
        const { headers, body } = requestOf(place);
        const all = { accept: "text/event-stream", ...headers, ...resumes };
        const answer = await ask(visit, "/api/v1/chat?knows=unknown", { headers: all, body });
        if (answer.status === 204) {
          if (!fold.isOver()) throw new Breach("204, and there is no end");
          return "over";
        }
        let endedIn = "";
        for await (const { id, data } of serverEvents(answer)) {
          const value = jsonOf(data);
          const frame = readAs(Typed, value);
          // What a snapshot has said already is told once more as an event, for who reads events alone.
          const isRepeated = endedIn === "snapshot" && fold.isOver() && frame["turn_id"] === place.turn;
          if (!isRepeated) fold.take(value);
          endedIn = frame.type;
          if (frame.type !== "snapshot") hasEnd = fold.isOver();
          lastId = id ?? lastId;
        }
        if (!hasEnd) throw new Breach("the stream ended without an end");
        return "over";
      },
      seen: fold.seen,
    };
  },
};
