import type { EventData, LifecycleData, MessagesData, Params, State, ToolsData } from "./protocol.ts";

/** Events as they are told: of the root, which is all that there is of a conversation, and now. */

function now<Data>(data: Data): Params<Data> {
  return { namespace: [], timestamp: Date.now(), data };
}

export function lifecycle(data: LifecycleData): EventData {
  return { method: "lifecycle", params: now(data) };
}

export function messageEvent(data: MessagesData): EventData {
  return { method: "messages", params: now(data) };
}

export function used(data: ToolsData): EventData {
  return { method: "tools", params: now(data) };
}

export function asked(interrupt_id: string, payload: Record<string, unknown>): EventData {
  return { method: "input.requested", params: now({ interrupt_id, payload }) };
}

export function answered(interrupt_ids: string[]): EventData {
  return { method: "input.answered", params: now({ interrupt_ids }) };
}

export function values(state: State): EventData {
  return { method: "values", params: now(state) };
}

export function custom(name: string, payload: Record<string, unknown>): EventData {
  return { method: "custom", params: now({ name, payload }) };
}
