import { responseIdOf } from "@parley/dialects";
import { z } from "zod";
import type { Seen, Words } from "./seen.ts";
import type { Look, Viewer } from "./viewer.ts";
import { ask, Breach, jsonOf, readAs, Refused, serverEvents, type TurnPlace, type Visit } from "./visit.ts";

const words: Words = {
  statusOf: (status) => (status === "completed" ? status : "failed"),
  endOf: (end) => (end.startsWith("error:") ? "error" : end),
};

const Part = z.looseObject({ text: z.string() });
const Item = z.looseObject({
  id: z.string(),
  type: z.string(),
  status: z.string().optional(),
  name: z.string().optional(),
  content: z.array(Part).optional(),
  summary: z.array(Part).optional(),
});
type Item = z.infer<typeof Item>;
const Response = z.looseObject({ status: z.string(), output: z.array(Item) });
const Event = z.looseObject({
  type: z.string(),
  sequence_number: z.number(),
  item_id: z.string().optional(),
  delta: z.string().optional(),
  item: Item.optional(),
  response: Response.optional(),
});
type Event = z.infer<typeof Event>;

const conflict = 409;

/** The events behind the last one that it has; after a refusal from the beginning. Where people are asked the next response goes on. */
export const responses: Viewer = {
  name: "OpenAI Responses",
  words,
  look: createLook,
};

function createLook({ conversation, turn }: TurnPlace): Look {
  const done: Item[] = [];
  let segment = 0;
  let stream = createStream();
  return {
    async visit(visit) {
      try {
        await stream.read(visit, responseIdOf({ conversation_id: conversation, turn_id: turn, segment }));
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== conflict) throw error;
        stream = createStream();
        return "again";
      }
      const { output } = stream.ended();
      done.push(...output);
      if (!output.some(({ type }) => type === "mcp_approval_request")) return "over";
      segment++;
      stream = createStream();
      return "again";
    },
    seen: () => seenIn(done, stream.ended().status),
  };
}

function seenIn(items: readonly Item[], status: string): Seen {
  const ends: Readonly<Record<string, string>> = { completed: "complete", cancelled: "cancelled", failed: "error" };
  const texts = (type: string, pick: (item: Item) => Item["content"]): string =>
    items
      .flatMap((item) => (item.type === type ? (pick(item) ?? []) : []))
      .map(({ text }) => text)
      .join("");
  return {
    text: texts("message", ({ content }) => content),
    reasoning: texts("reasoning", ({ summary }) => summary),
    calls: items
      .filter(({ type }) => type === "mcp_call")
      .map(({ name = "", status: how = "" }) => ({ name, status: how === "completed" ? how : "failed" })),
    end: ends[status] ?? "complete",
  };
}

/** The events of one response, over as many connections as it takes. */
function createStream() {
  let last = -1;
  const items = new Map<string, { readonly type: string; text: string; done: Item | undefined }>();
  let end: z.infer<typeof Response> | undefined;

  const begin = ({ id, type }: Item): void => {
    if (items.has(id)) throw new Breach("an item is told twice");
    if ([...items.values()].some(({ done }) => done === undefined)) throw new Breach("two items are open");
    items.set(id, { type, text: "", done: undefined });
  };
  const takeItem = ({ type, item, item_id = "", delta = "" }: Event): void => {
    const known = items.get(item?.id ?? item_id);
    if (type === "response.output_item.added" && item !== undefined) begin(item);
    else if (known === undefined || known.done !== undefined) throw new Breach(`${type} of an item that is not open`);
    else if (type === "response.output_item.done") known.done = item;
    else if (type.endsWith("_text.delta")) known.text += delta;
  };

  const take = (event: Event): void => {
    if (end !== undefined) throw new Breach(`${event.type} after the end`);
    if (event.sequence_number !== last + 1) throw new Breach(`event ${event.sequence_number} behind ${last}`);
    last = event.sequence_number;
    if (event.item !== undefined || event.item_id !== undefined) return takeItem(event);
    if (/^response\.(completed|incomplete|failed)$/.test(event.type) && event.response !== undefined) {
      end = event.response;
      checkOutput(end.output, items);
    } else if (!/^response\.(created|in_progress)$/.test(event.type)) throw new Breach(`there is no ${event.type}`);
  };

  return {
    async read(visit: Visit, id: string): Promise<void> {
      const after = last < 0 ? "" : `&starting_after=${last}`;
      if (end !== undefined) return;
      let isDone = false;
      for await (const { data } of serverEvents(await ask(visit, `/v1/responses/${id}?stream=true${after}`))) {
        if (isDone) throw new Breach("something follows [DONE]");
        if (data === "[DONE]") isDone = true;
        else take(readAs(Event, jsonOf(data)));
      }
      if (end === undefined || !isDone) throw new Breach("the stream ended without an end");
    },
    ended: () => end ?? { status: "open", output: [] },
  };
}

type Told = ReadonlyMap<string, { readonly text: string; readonly done: Item | undefined }>;

/** What the end says of the items is what was told of them; only what was begun and taken back may be missing. */
function checkOutput(output: readonly Item[], told: Told): void {
  for (const item of output) {
    const known = told.get(item.id);
    if (known?.done === undefined) throw new Breach(`the end has an item that was not told: ${item.id}`);
    const { length } = textIn(item);
    if (textIn(item) !== known.text)
      throw new Breach(`the end has ${length} characters, told were ${known.text.length}`);
  }
  const kept = new Set(output.map(({ id }) => id));
  for (const [id, { done }] of told) {
    if (!kept.has(id) && done?.type === "message" && done.status !== "incomplete")
      throw new Breach(`the end lacks an item that was told: ${id}`);
  }
}

function textIn({ content, summary = [] }: Item): string {
  return (content ?? summary).map(({ text }) => text).join("");
}
