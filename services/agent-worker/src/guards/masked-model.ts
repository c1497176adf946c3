import { createHash } from "node:crypto";
import { replacePersonalData } from "@parley/runtime";
import type { ModelClient, ModelEvent, ModelMessage, ModelRequest, OnEvents } from "../model/model.ts";
import type { RestartEvent } from "../model/retry.ts";

/** Longer is no placeholder of ours. */
const longestPlaceholder = 48;
/** What may be the beginning of one. */
const begun = /\[(?:[a-z]{0,5}|[a-z]{4,5}-\d{0,6}|[a-z]{4,5}-\d{1,6}-[0-9a-f]{0,8})$/;

/**
 * Words that stand for personal data in what a provider gets: `[mail-1-7f3a9c1d]`. The same data has the same word in all of a request, in the order in which it stands there, so whoever takes a turn
 * over says the same. `of`: what no text of others can know makes a word of theirs none of ours.
 */
export function createMask(of: string) {
  const tag = createHash("sha256").update(`mask ${of}`).digest("hex").slice(0, 8);
  const words = new Map<string, string>();
  const data = new Map<string, string>();
  const counts = new Map<string, number>();
  const known = new RegExp(`\\[[a-z]{4,5}-\\d{1,6}-${tag}\\]`, "g");

  const wordOf = (found: string, kind: string): string => {
    const word = words.get(found);
    if (word !== undefined) return word;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const made = `[${kind}-${count}-${tag}]`;
    words.set(found, made);
    data.set(made, found);
    return made;
  };
  const unmask = (text: string): string => text.replaceAll(known, (word) => data.get(word) ?? word);

  return {
    mask: (text: string): string => replacePersonalData(text, wordOf),
    unmask,
    isEmpty: (): boolean => data.size === 0,

    /** For text that comes in pieces: what may be the beginning of a word is held back until the rest is there. */
    createStream() {
      let held = "";
      return {
        push(piece: string): string {
          const text = held + piece;
          const at = begun.exec(text)?.index ?? text.length;
          held = text.length - at > longestPlaceholder ? "" : text.slice(at);
          return unmask(text.slice(0, text.length - held.length));
        },
        end(): string {
          const rest = unmask(held);
          held = "";
          return rest;
        },
      };
    },
  };
}

type Mask = ReturnType<typeof createMask>;

/** Fields of a message in which texts of people and tools stand. */
const texts: ReadonlySet<string> = new Set(["content", "text", "arguments"]);

/** Blocks of the instructions that are of people. */
const ofPeople = /<(?:memory|summary)>[^]*?<\/(?:memory|summary)>/g;

function maskedMessage(message: ModelMessage, mask: Mask): ModelMessage {
  // What the operator says, and documents of the deployment, are nobody's personal data but what they want to be told.
  // What is remembered of a user, or was said before, is.
  if (message.role === "system") {
    const { content } = message;
    return typeof content === "string"
      ? { ...message, content: content.replaceAll(ofPeople, (block) => mask.mask(block)) }
      : message;
  }
  const inside = (value: unknown, name: string): unknown => {
    if (typeof value === "string") return texts.has(name) ? mask.mask(value) : value;
    if (Array.isArray(value)) return value.map((one) => inside(one, name));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inside(one, key)]));
  };
  return Object.assign({ ...message }, inside(message, ""));
}

type Told = ModelEvent | RestartEvent;

/** A request without personal data that can be told by its form, and how what is said of it is put back, in text, reasoning and the arguments of calls. */
export function maskedRequest(request: ModelRequest, of: string) {
  const mask = createMask(of);
  const messages = request.messages.map((message) => maskedMessage(message, mask));
  return {
    request: mask.isEmpty() ? request : { ...request, messages },
    unmasking: (onEvents: OnEvents<Told>): OnEvents<Told> => (mask.isEmpty() ? onEvents : unmasking(mask, onEvents)),
  };
}

/** The same as a model. */
export function createMaskedModel(model: ModelClient, of: string): ModelClient {
  return {
    stream(request, signal, onEvents) {
      const masked = maskedRequest(request, of);
      const told = masked.unmasking((events) => onEvents(events.filter((event) => event.type !== "restart")));
      return model.stream(masked.request, signal, told);
    },
  };
}

function unmasking(mask: Mask, onEvents: OnEvents<Told>): OnEvents<Told> {
  const streams = { text: mask.createStream(), reasoning: mask.createStream() };

  const rest = (): Told[] =>
    (["reasoning", "text"] as const).flatMap((type): Told[] => {
      const text = streams[type].end();
      return text === "" ? [] : [{ type, text }];
    });
  const told = (event: Told): Told[] => {
    if (event.type === "text" || event.type === "reasoning") {
      const text = streams[event.type].push(event.text);
      return text === "" ? [] : [{ type: event.type, text }];
    }
    // What was held back of an answer that broke off is void as the rest of it.
    if (event.type === "restart") {
      rest();
      return [event];
    }
    if (event.type !== "tool_calls") return [...rest(), event];
    const calls = event.calls.map((call) => ({ ...call, arguments: mask.unmask(call.arguments) }));
    return [...rest(), { ...event, calls }];
  };
  return (events) => {
    const shown = events.flatMap(told);
    if (shown.length > 0) onEvents(shown);
  };
}
