import type { TurnPlace } from "../src/turn-watch.ts";
import { createTurnSteps } from "../src/turn/steps.ts";
import type { NotedEvent } from "../src/turn/turn-step.ts";
import type { TurnView } from "@parley/protocol";
import { createResponsesSpeech, type ResponsesSpeechOptions } from "../src/responses/dialect.ts";
import { z } from "zod";

/** A client of the Responses API as the SDK is one: strict about the order, and with the text of each item by its deltas. */

const Item = z.looseObject({
  id: z.string(),
  type: z.string(),
  status: z.string().optional(),
  content: z.array(z.looseObject({ text: z.string() })).optional(),
  summary: z.array(z.looseObject({ text: z.string() })).optional(),
});
export const Event = z.looseObject({
  type: z.string(),
  sequence_number: z.number(),
  item_id: z.string().optional(),
  output_index: z.number().optional(),
  delta: z.string().optional(),
  text: z.string().optional(),
  item: Item.optional(),
  response: z
    .looseObject({ status: z.string(), output: z.array(Item), usage: z.looseObject({}).nullable() })
    .optional(),
});
export type Event = z.infer<typeof Event>;

export const place: TurnPlace = { conversation_id: "c_1", turn_id: "t0" };
export const about: ResponsesSpeechOptions = {
  segment: 0,
  createdMs: 1_000,
  model: "parley",
  previous: null,
  background: false,
  metadata: {},
};

export interface Stream {
  readonly events: Event[];
  /** How its end was said; undefined: it goes on. */
  readonly isDone: boolean;
}

function parse(bytes: readonly Uint8Array[]): { events: Event[]; isDone: boolean } {
  const frames = Buffer.concat(bytes).toString().split("\n\n").slice(0, -1);
  const events = frames.flatMap((frame) => {
    const [head = "", data = ""] = frame.split("\n");
    if (head === "data: [DONE]") return [];
    const event = Event.parse(JSON.parse(data.slice("data: ".length)));
    if (head !== `event: ${event.type}`) throw new Error(`${head} says ${event.type}`);
    return [event];
  });
  return { events, isDone: frames.at(-1) === "data: [DONE]" };
}

/** A view, and the event of the moment that made it, if one did. */
export interface Seen {
  readonly view: TurnView;
  readonly noted?: NotedEvent | undefined;
}

/** What a stream says that sees these views. */
export function streamOf(seen: readonly (TurnView | Seen)[], options: ResponsesSpeechOptions = about): Stream {
  const speech = createResponsesSpeech(options);
  const steps = createTurnSteps(speech.steps);
  const bytes: Uint8Array[] = [];
  for (const one of seen) {
    const { view, noted } = "view" in one ? one : { view: one };
    const said = speech.say(steps.advance(view, noted), place);
    bytes.push(...said.bytes);
    if (said.next !== "more") break;
  }
  return parse(bytes);
}

const endings = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** What somebody has who got these events, from whichever streams. Throws where the SDK would, or where a number is missing or comes twice. */
export function folded(events: readonly Event[]) {
  const texts = new Map<string, string>();
  let open: string | undefined;
  let index = 0;
  const begin = ({ output_index, item }: Event): void => {
    if (open !== undefined || output_index !== index++) throw new Error("items overlap");
    open = item?.id ?? "";
    if (texts.has(open)) throw new Error(`${open} comes twice`);
    texts.set(open, "");
  };
  const take = (event: Event): void => {
    const { type, item_id, delta, text } = event;
    if (type === "response.output_item.added") begin(event);
    else if (type === "response.output_item.done") open = undefined;
    else if (item_id !== undefined && item_id !== open) throw new Error(`${type} outside of its item`);
    else if (type.endsWith("_text.delta")) texts.set(open ?? "", texts.get(open ?? "") + (delta ?? ""));
    else if (type.endsWith("_text.done") && text !== texts.get(open ?? "")) throw new Error("done otherwise");
  };
  let final: Event["response"];
  for (const [at, event] of events.entries()) {
    if (event.sequence_number !== at) throw new Error(`event ${event.sequence_number} at ${at}`);
    if (final !== undefined) throw new Error(`${event.type} behind the end`);
    take(event);
    if (endings.has(event.type)) final = event.response;
  }
  if (final !== undefined && open !== undefined) throw new Error("an item is open at the end");
  return { texts, final };
}

/** The text of an item as an object says it. */
export function textOfItem({ content = [], summary = [] }: z.infer<typeof Item>): string {
  return [...content, ...summary].map(({ text }) => text).join("");
}
