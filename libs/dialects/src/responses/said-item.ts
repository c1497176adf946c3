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
import { piecesOf } from "../turn/pieces.ts";
import type { PlannedItem } from "./plan.ts";

/** An item that the client was told of, and how it is told. */
export interface SaidItem {
  readonly kind: PlannedItem["kind"];
  readonly id: string;
  /** Its place in the stream, which counts items that were taken back as well. */
  readonly index: number;
  /** The number of its first event. */
  readonly number: number;
  plan: PlannedItem;
  /** What was said of it. */
  text: string;
  isDone: boolean;
  /** As it was at its end. */
  object: object;
}

export type Tell = (type: string, fields: object) => void;

type TextPlan = Extract<PlannedItem, { text: string }>;

function inItem({ id, index }: SaidItem, fields: object): object {
  return { item_id: id, output_index: index, ...fields };
}

export function tellBegin(tell: Tell, item: SaidItem, place: ResponsePlace): void {
  const { plan, index } = item;
  tell("response.output_item.added", {
    output_index: index,
    item: objectOf(plan, place, { ...item, status: "in_progress" }),
  });
  if (plan.kind === "message") {
    tell("response.content_part.added", inItem(item, { content_index: 0, part: textPart("", []) }));
    plan.sources.forEach((source, annotation_index) => {
      const annotation = annotationOf(source, annotation_index);
      tell("response.output_text.annotation.added", inItem(item, { content_index: 0, annotation_index, annotation }));
    });
  } else if (plan.kind === "reasoning") {
    tell("response.reasoning_summary_part.added", inItem(item, { summary_index: 0, part: summaryPart("") }));
  } else if (plan.kind === "function") {
    tell("response.function_call_arguments.delta", inItem(item, { delta: plan.call.arguments }));
  }
}

/** As far as it is known how the text is cut. */
export function tellMore(tell: Tell, item: SaidItem, { kind, text, isWhole }: TextPlan): void {
  let { length } = item.text;
  for (const delta of piecesOf(text, length, isWhole)) {
    length += delta.length;
    if (kind === "message") {
      tell("response.output_text.delta", inItem(item, { content_index: 0, delta, logprobs: [] }));
    } else tell("response.reasoning_summary_text.delta", inItem(item, { summary_index: 0, delta }));
  }
  item.text = text.slice(0, length);
}

export function tellEnd(tell: Tell, item: SaidItem, place: ResponsePlace, status: ItemStatus): void {
  const { plan, text } = item;
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
  item.object = objectOf(plan, place, { ...item, status });
  item.isDone = true;
  tell("response.output_item.done", { output_index: item.index, item: item.object });
}

/** `outcome`: of a turn that ends with this item. The last text of an answer that was stopped or failed is not whole. */
export function endStatus({ kind }: PlannedItem, outcome: Outcome | undefined): ItemStatus {
  const isText = kind === "message" || kind === "reasoning";
  if (!isText || outcome === undefined) return "completed";
  const isWhole = outcome.type === "complete" && (outcome.metadata.finish ?? "stop") === "stop";
  return isWhole ? "completed" : "incomplete";
}

export function idOf(plan: PlannedItem, place: ResponsePlace, nth: ItemPlace): string {
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

/** All that is known of one that has not ended. `plan`: what it is to say by now. */
export function soFar(plan: PlannedItem, place: ResponsePlace, { id, text }: Omit<ItemHow, "status">): object {
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
