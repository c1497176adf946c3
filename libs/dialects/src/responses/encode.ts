import type { Outcome } from "@parley/protocol";
import { callItemIdOf, itemIdOf, requestIdOf, type ItemPlace, type ResponsePlace } from "./addresses.ts";
import {
  annotationOf,
  callItem,
  functionItem,
  messageItem,
  reasoningItem,
  requestItem,
  summaryPart,
  textPart,
  type ItemStatus,
} from "./objects.ts";
import { isPieceEnd, piecesOf } from "./pieces.ts";
import type { Plan, PlannedItem } from "./state.ts";

/** One event of a response. Its number in the response is its place among them. */
export interface OutputEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An item that the client was told of. */
interface SaidItem {
  readonly kind: PlannedItem["kind"];
  readonly id: string;
  /** Its place in the stream, which counts items that were taken back as well. */
  readonly index: number;
  /** The number of its first event. */
  readonly number: number;
  plan: PlannedItem;
  text: string;
  isDone: boolean;
  object: object;
}

export type Output = ReturnType<typeof createOutput>;

/**
 * Says the items of one response, strictly one after another: an item begins when the one before it has ended. So what is said, and the number of each event,
 * depends on nothing but what the answer is: who looks again gets the same events under the same numbers, from wherever they are taken.
 *
 * Only an answer that begins anew and then says something else breaks this: what was said of it is closed as `incomplete`, and said anew as other items.
 */
export function createOutput(place: ResponsePlace) {
  const said: SaidItem[] = [];
  let events: OutputEvent[] = [];
  let number = 0;
  let index = 0;
  let again = 0;
  /** Something was taken back, and what stays of it has not been said as far as it was before. */
  let isInDoubt = false;
  let doubtfulFrom = Infinity;

  const tell = (type: string, fields: object): void => {
    events.push({ type, sequence_number: number++, ...fields });
  };
  const inItem = ({ id, index: output_index }: SaidItem, fields: object): object => ({
    item_id: id,
    output_index,
    ...fields,
  });

  const open = (plan: PlannedItem): SaidItem => {
    const id = idOf(plan, place, { index: said.length, again });
    const item: SaidItem = { kind: plan.kind, id, index, number, plan, text: "", isDone: false, object: {} };
    said.push(item);
    tell("response.output_item.added", {
      output_index: index++,
      item: objectOf(plan, place, { ...item, status: "in_progress" }),
    });
    if (plan.kind === "message") {
      const part = textPart("", []);
      tell("response.content_part.added", inItem(item, { content_index: 0, part }));
      plan.sources.forEach((source, annotation_index) => {
        const annotation = annotationOf(source, annotation_index);
        const where = inItem(item, { content_index: 0, annotation_index, annotation });
        tell("response.output_text.annotation.added", where);
      });
    } else if (plan.kind === "reasoning") {
      tell("response.reasoning_summary_part.added", inItem(item, { summary_index: 0, part: summaryPart("") }));
    } else if (plan.kind === "function") {
      tell("response.function_call_arguments.delta", inItem(item, { delta: plan.call.arguments }));
    }
    return item;
  };

  const grow = (item: SaidItem, { kind, text, isWhole }: Extract<PlannedItem, { text: string }>): void => {
    for (const delta of piecesOf(text, item.text.length, isWhole)) {
      item.text += delta;
      if (kind === "message") {
        tell("response.output_text.delta", inItem(item, { content_index: 0, delta, logprobs: [] }));
      } else tell("response.reasoning_summary_text.delta", inItem(item, { summary_index: 0, delta }));
    }
  };

  const close = (item: SaidItem, plan: PlannedItem, status: ItemStatus): void => {
    const { text } = item;
    if (plan.kind === "message") {
      const part = textPart(text, plan.sources.map(annotationOf));
      tell("response.output_text.done", inItem(item, { content_index: 0, text, logprobs: [] }));
      tell("response.content_part.done", inItem(item, { content_index: 0, part }));
    } else if (plan.kind === "reasoning") {
      tell("response.reasoning_summary_text.done", inItem(item, { summary_index: 0, text }));
      tell("response.reasoning_summary_part.done", inItem(item, { summary_index: 0, part: summaryPart(text) }));
    } else if (plan.kind === "function") {
      const { tool_name: name, arguments: args } = plan.call;
      tell("response.function_call_arguments.done", inItem(item, { name, arguments: args }));
    }
    item.plan = plan;
    item.object = objectOf(plan, place, { ...item, status });
    item.isDone = true;
    tell("response.output_item.done", { output_index: item.index, item: item.object });
  };

  /** The items from this one on are not the answer any more. */
  const abandon = (from: number): void => {
    const last = said.at(-1);
    if (last?.isDone === false) close(last, last.plan, "incomplete");
    doubtfulFrom = Math.min(doubtfulFrom, said[from]?.number ?? Infinity);
    said.length = from;
    again++;
  };

  /** Whether the client has nothing that the plan has not, and the plan all that the client has: else nothing is said yet. */
  const catchUp = (plan: Plan): boolean => {
    for (const [at, item] of said.entries()) {
      const standing = standingOf(item, plan.items[at], plan.end !== undefined);
      if (standing === "behind") return false;
      if (standing === "other") {
        abandon(at);
        break;
      }
    }
    isInDoubt = false;
    return true;
  };

  return {
    /** How many events there are so far. */
    get length(): number {
      return number;
    },
    /** From this number on the client may have had something else than the answer; Infinity: never. */
    get doubtfulFrom(): number {
      return doubtfulFrom;
    },
    /** The client may have what was taken back, and nothing else was said yet. */
    get isInDoubt(): boolean {
      return isInDoubt;
    },
    tell,
    takeBack(): void {
      isInDoubt = true;
    },

    /** Says what is new in the plan, as far as it can be said. `outcome`: the turn's, if it ends in this response. */
    say({ items, end }: Plan, outcome?: Outcome): void {
      if (isInDoubt && !catchUp({ items, end })) return;
      for (let at = Math.max(0, said.length - 1); at < items.length; at++) {
        const plan = items[at];
        const item = said[at] ?? (plan && open(plan));
        if (plan === undefined || item === undefined || item.isDone) continue;
        if (plan.kind === "message" || plan.kind === "reasoning") grow(item, plan);
        if (!plan.isWhole) return;
        close(item, plan, endStatus(plan, at === items.length - 1 ? outcome : undefined));
      }
    },

    /** What was said since the last time. */
    takeEvents(): OutputEvent[] {
      const told = events;
      events = [];
      return told;
    },

    /** The items of the answer so far. Of one that has not ended all that is known. */
    items: ({ items: plans }: Plan): object[] =>
      said.map(({ isDone, object, plan, id, text }, at) =>
        isDone ? object : soFar(plans[at] ?? plan, place, { id, text }),
      ),
  };
}

/** The last text of an answer that was stopped or failed is not whole. */
function endStatus({ kind }: PlannedItem, outcome: Outcome | undefined): ItemStatus {
  const isCut =
    outcome !== undefined && (outcome.type !== "complete" || (outcome.metadata.finish ?? "stop") !== "stop");
  return isCut && (kind === "message" || kind === "reasoning") ? "incomplete" : "completed";
}

function idOf(plan: PlannedItem, place: ResponsePlace, nth: ItemPlace): string {
  switch (plan.kind) {
    case "message":
      return itemIdOf("msg", place, nth);
    case "reasoning":
      return itemIdOf("rs", place, nth);
    case "function":
      return itemIdOf("fc", place, nth);
    case "request":
      return requestIdOf(plan.call.call_id, place);
    default:
      return callItemIdOf(plan.call.call_id, place, nth);
  }
}

interface ItemHow {
  readonly id: string;
  readonly text: string;
  readonly status: ItemStatus;
}

function objectOf(plan: PlannedItem, place: ResponsePlace, { id, text, status }: ItemHow): object {
  const isDone = status !== "in_progress";
  switch (plan.kind) {
    case "message":
      return messageItem(id, status, isDone ? [textPart(text, plan.sources.map(annotationOf))] : []);
    case "reasoning":
      return reasoningItem(id, status, isDone ? [summaryPart(text)] : []);
    case "function":
      return functionItem(id, status, plan.call);
    case "request":
      return requestItem(id, plan.call);
    default:
      return callItem(id, plan, { isDone, place });
  }
}

function soFar(plan: PlannedItem, place: ResponsePlace, { id, text }: Omit<ItemHow, "status">): object {
  const status = "in_progress";
  if (plan.kind === "message") {
    return messageItem(id, status, [textPart(longer(text, plan.text), plan.sources.map(annotationOf))]);
  }
  if (plan.kind === "reasoning") return reasoningItem(id, status, [summaryPart(longer(text, plan.text))]);
  return objectOf(plan, place, { id, text, status });
}

function longer(a: string, b: string): string {
  return b.length > a.length ? b : a;
}

/** Of what was said, to what is to be said in its place. */
function standingOf(item: SaidItem, plan: PlannedItem | undefined, isEnd: boolean): "same" | "behind" | "other" {
  if (plan === undefined) return isEnd ? "other" : "behind";
  if (plan.kind !== item.kind) return "other";
  if (plan.kind === "message" || plan.kind === "reasoning") {
    if (annotationsIn(item.plan) !== annotationsIn(plan)) return "other";
    return standingOfText(item, plan);
  }
  return standingOfCall(item, plan);
}

/** What was said must be pieces of what is to be said: that the same characters were cut elsewhere would count their events otherwise. */
function standingOfText(
  { text, isDone }: SaidItem,
  plan: Extract<PlannedItem, { text: string }>,
): "same" | "behind" | "other" {
  if (!plan.text.startsWith(text)) return text.startsWith(plan.text) && !plan.isWhole ? "behind" : "other";
  if (isDone) {
    if (plan.text.length > text.length) return "other";
    return plan.isWhole ? "same" : "behind";
  }
  const isEnd = isPieceEnd(plan.text, text.length, plan.isWhole);
  if (isEnd === undefined) return "behind";
  return isEnd ? "same" : "other";
}

function annotationsIn(plan: PlannedItem): string {
  return plan.kind === "message" ? JSON.stringify(plan.sources.map(annotationOf)) : "";
}

function standingOfCall(
  { plan: before, isDone }: SaidItem,
  plan: Exclude<PlannedItem, { text: string }>,
): "same" | "behind" | "other" {
  if (before.kind === "message" || before.kind === "reasoning" || before.call.call_id !== plan.call.call_id)
    return "other";
  const wasAsked = before.kind === "call" && before.isAsked;
  if (isDone && plan.kind === "call" && plan.isAsked !== wasAsked) return plan.isWhole ? "other" : "behind";
  return isDone && !plan.isWhole ? "behind" : "same";
}
