import type { TurnPlace } from "../src/turn-watch.ts";
import { createTurnSteps } from "../src/turn/steps.ts";
import type { TurnStep } from "../src/turn/turn-step.ts";
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

/** What a stream says that sees these views. */
export function streamOf(views: readonly TurnView[], options: ResponsesSpeechOptions = about): Stream {
  const speech = createResponsesSpeech(options);
  const steps = createTurnSteps(speech.steps);
  const bytes: Uint8Array[] = [];
  for (const view of views) {
    const said = speech.say(steps.advance(view), place);
    bytes.push(...said.bytes);
    if (said.next !== "more") break;
  }
  return parse(bytes);
}

export function streamOfSteps(steps: readonly TurnStep[], options: ResponsesSpeechOptions = about): Stream {
  return parse(createResponsesSpeech(options).say(steps, place).bytes);
}

const deltaTypes = ["response.output_text.delta", "response.reasoning_summary_text.delta"];

/** What somebody has who got these events, from whichever streams. Throws where the SDK would, or where a number is missing or comes twice. */
export function folded(events: readonly Event[]) {
  const texts = new Map<string, string>();
  const ended = new Set<string>();
  let open: string | undefined;
  let index = 0;
  let final: Event["response"];
  events.forEach((event, at) => {
    if (event.sequence_number !== at) throw new Error(`event ${event.sequence_number} at ${at}`);
    if (final !== undefined) throw new Error(`${event.type} behind the end`);
    if (event.item_id !== undefined && event.item_id !== open) throw new Error(`${event.type} outside of its item`);
    if (event.type === "response.output_item.added") {
      if (open !== undefined || event.output_index !== index++) throw new Error("items overlap");
      open = event.item?.id ?? "";
      if (ended.has(open) || texts.has(open)) throw new Error(`${open} comes twice`);
      texts.set(open, "");
    }
    if (deltaTypes.includes(event.type) && open !== undefined) texts.set(open, texts.get(open) + (event.delta ?? ""));
    if (event.type.endsWith("_text.done") && event.text !== texts.get(open ?? "")) throw new Error("done otherwise");
    if (event.type === "response.output_item.done") {
      ended.add(open ?? "");
      open = undefined;
    }
    if (/^response\.(completed|incomplete|failed)$/.test(event.type)) final = event.response;
  });
  if (final !== undefined && open !== undefined) throw new Error("an item is open at the end");
  return { texts, final };
}

/** The text of an item as an object says it. */
export function textOfItem({ content = [], summary = [] }: z.infer<typeof Item>): string {
  return [...content, ...summary].map(({ text }) => text).join("");
}
