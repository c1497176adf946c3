import { completionIdOf } from "./addresses.ts";
import type { TurnPlace } from "../turn-watch.ts";

export interface ChatCompletionsOptions {
  /** As the client has named it. */
  readonly model: string;
  /** When the request came, seconds since 1970: the same in all chunks. */
  readonly createdS: number;
  /** A last chunk says what it has cost. */
  readonly hasUsage?: boolean;
  /** Reasoning as `reasoning_content`, which is no field of OpenAI's. */
  readonly hasReasoning?: boolean;
}

/** What one stream of chunks has in common, and what it has said. */
export interface ChatCompletionsState extends ChatCompletionsOptions {
  /** Some text was said: what is added by us stands apart from it. */
  hasText: boolean;
}

export function createChatCompletionsState(options: ChatCompletionsOptions): ChatCompletionsState {
  return { ...options, hasText: false };
}

/** What all chunks begin with. */
export function headOf({ createdS, model }: ChatCompletionsOptions, { turn_id }: TurnPlace, object: string) {
  return { id: completionIdOf(turn_id), object, created: createdS, model };
}
