import { fileFields } from "@parley/bus";
import {
  brokerFields,
  durationMs,
  encryptionFields,
  host,
  limitsFile,
  logFormat,
  logLevel,
  nodeEnv,
  optionalText,
  port,
  redisFields,
  secret,
  traceFields,
  wholeNumber,
} from "@parley/runtime";
import { limits } from "@parley/protocol";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { OPENAI_DEFAULT_MODEL, OPENAI_TRANSCRIPTION_MODEL, OPENROUTER_DEFAULT_MODEL } from "./model/provider.ts";

/** A folder of this repository's `config`. */
const shipped = (folder: string): string => fileURLToPath(new URL(`../../../config/${folder}`, import.meta.url));

const count = (defaultCount: number) => wholeNumber(1).default(defaultCount);
const optionalCount = () => wholeNumber(1).optional();

/** A worker says that it lives several times within the ack wait: with less it would lose its turns to a pause of its own. */
const MIN_SILENCE_MS = 500;
/** Each round asks the broker for all turns that wait. */
const MIN_ROUND_MS = 100;

/** All settings of an agent worker; the keys are the names of the environment variables. */
export const Config = z.object({
  NODE_ENV: nodeEnv(),
  ...brokerFields(),
  ...encryptionFields(),
  ...fileFields(),
  ...redisFields("for the queue of tool calls"),
  ADMIN_HOST: host().describe("Where probes and metrics are served."),
  ADMIN_PORT: port().default(8011).describe("Where probes and metrics are served."),
  SLOTS: optionalCount().describe(
    "Turns that run here at once; up to an eighth more while one user has many and somebody new comes. Unset: as many as there is memory for, while the processor keeps up.",
  ),
  MAX_PARKED: count(20_000).describe(
    "Turns that may wait here for an earlier one of their conversation, or for a slot, half a kilobyte each; more come later.",
  ),
  QUEUE_AGE_MS: durationMs(limits.turnQueueAgeMs, 1).describe(
    "A turn that has not begun after this time ends with QUEUE_TIMEOUT; the same for all workers.",
  ),
  ACK_WAIT_MS: durationMs(3_000, MIN_SILENCE_MS).describe(
    "A worker that is silent for longer loses its turns; the same for all workers.",
  ),
  MAX_ATTEMPTS: count(5).describe("Workers that may be lost over one turn before it ends with WORKER_LOST."),
  MAX_STEPS: count(10).describe(
    "Model calls of one turn. The last gets no tools; one that wants more ends with STEP_LIMIT.",
  ),
  TURN_MS: durationMs(600_000, 1).describe(
    "A turn that takes its workers longer, all attempts together, ends with MODEL_TIMEOUT.",
  ),
  TOKEN_FLUSH_MS: optionalCount().describe(
    "Least time between two appends of a turn's text; the first goes at once. Unset: 10 to 100 ms, by load.",
  ),
  APPEND_GIVE_UP_MS: durationMs(15_000, 1).describe(
    "How long the broker may be away before the worker gives its turns up.",
  ),
  TOOLS_WAIT_MS: durationMs(5_000).describe(
    "How long a turn may wait for tools that its agent names, or for any if it takes every one, and no tool worker has announced.",
  ),
  TOOL_QUEUE_WAIT_MS: durationMs(30_000, 1).describe("How long a tool call may wait for a free tool worker."),
  MODEL_IDLE_MS: durationMs(30_000, 1).describe("The model may be silent for this long in mid-answer."),
  MODEL_FIRST_TOKEN_MS: durationMs(60_000, 1).describe("The model may take this long until its first token."),
  MODEL_EMPTY_RETRIES: wholeNumber(0, 5)
    .default(1)
    .describe("How often an answer without text is asked for again; each time is paid for."),
  CONTEXT_BYTES: count(96 * 1024).describe(
    "History and tool results given to the model, newest first; what is too large of the running turn is shortened.",
  ),
  CONTEXT_TOKENS: optionalCount().describe(
    "The same in tokens, by what the provider has counted before; the smaller one holds. Unset: bytes alone.",
  ),
  HISTORY_MESSAGES: count(40).describe("Messages of the transcript that are looked at for context."),
  RECORD_FORMAT: z
    .enum(["auto", "1", "2"], { error: "must be auto, 1 or 2" })
    .default("auto")
    .describe(
      "How transcripts are written: 2 is a record per turn, 1 one per message. `auto` is 2, but 1 where an earlier version has made the log; then set 2 when no process is left that cannot read it.",
    ),
  TITLES: z
    .enum(["off", "first-answer"], { error: "must be off or first-answer" })
    .default("off")
    .describe(
      "Whether a conversation without a title gets one after its first answer, by a short call of the model; `npm start` switches it on.",
    ),
  TITLE_MODEL: optionalText().describe("The model that is asked for titles. Unset: the one that answers by default."),
  SUMMARIES: z
    .enum(["off", "on"], { error: "must be off or on" })
    .default("off")
    .describe(
      "Whether the model summarises the beginning of a conversation that gets longer than what it can be given; `npm start` switches it on.",
    ),
  SUMMARY_MODEL: optionalText().describe(
    "The model that is asked for summaries. Unset: the one that answers by default.",
  ),
  ROUTER: z
    .enum(["lexical", "model"], { error: "must be lexical or model" })
    .default("lexical")
    .describe(
      "How an agent is chosen where neither the message nor a rule names one: by words, or also by a short call of a model where words leave it open; `npm start` switches that on for the simulated model.",
    ),
  ROUTING_MODEL: optionalText().describe(
    "The model that is asked which agent a message is for. Unset: the one that answers by default.",
  ),
  ROUTING_MODEL_MS: durationMs(3_000, 1).describe("It may take this long; then the agent is chosen without it."),
  JANITOR_MS: durationMs(30_000, MIN_ROUND_MS).describe(
    "How often the queue is searched for turns that nobody looks after.",
  ),
  HANDOVER_WAIT_MS: durationMs(600_000, 1).describe(
    "A person who was asked for has to come within this time; then the agent answers again.",
  ),
  HANDOVER_IDLE_MS: durationMs(900_000, 1).describe(
    "A person who has a conversation and says nothing for so long gives it back.",
  ),
  AGENTS_DIR: z.string().default(shipped("agents")).describe("Folder of the agents, one YAML file each."),
  LIMITS_FILE: limitsFile(),
  GUARDS_FILE: optionalText().describe(
    "What is looked for in messages and answers of agents that name a guard. Default: `config/guards.yaml`, if it is there.",
  ),
  MODELS_FILE: optionalText().describe(
    "The models with their servers, prices and fall-backs, and what they take where that is not known already. Default: `config/models.yaml`, if it is there.",
  ),
  SAFETY_FILE: optionalText().describe(
    "Words at which the answer of an agent with `safety` begins with a fixed warning. Default: `config/safety.yaml`, if it is there.",
  ),
  KNOWLEDGE_DIR: z
    .string()
    .default(shipped("knowledge"))
    .describe("Folder of the documents, one folder per collection."),
  EMBEDDINGS_MODEL: optionalText().describe(
    "A model of the provider that makes vectors (`/embeddings`): then documents are found by meaning as well. Unset: by their words alone.",
  ),
  EMBEDDINGS_DIR: optionalText().describe(
    "Folder where vectors are kept, which workers may share. Unset: in memory alone, so that each start pays for them again.",
  ),
  EMBEDDINGS_MIN_SIMILARITY: z.coerce
    .number({ error: "must be a number from 0 to 1" })
    .min(0)
    .max(1)
    .default(0.4)
    .describe("How alike a passage and a question have to be to be found by meaning; it depends on the model."),
  TRANSCRIPTION_MODEL: optionalText().describe(
    `A model of the provider that writes down recordings (\`/audio/transcriptions\`). Unset: \`${OPENAI_TRANSCRIPTION_MODEL}\` of OpenAI; of others recordings are not heard.`,
  ),
  OPENAI_API_KEY: secret().optional().describe("Key of the model provider."),
  OPENAI_BASE_URL: optionalText().describe(
    "Any OpenAI-compatible server, with /v1. Unset: OpenAI or OpenRouter, by key.",
  ),
  OPENAI_MODEL: optionalText().describe(
    `The model's name at the provider. Unset: \`${OPENAI_DEFAULT_MODEL}\` of OpenAI, \`${OPENROUTER_DEFAULT_MODEL}\` of OpenRouter; any other server needs it.`,
  ),
  OPENROUTER_API_KEY: secret().optional().describe("Key of OpenRouter; used when no OPENAI_* is set."),
  ...traceFields(),
  LOG_LEVEL: logLevel(),
  LOG_FORMAT: logFormat(),
  SHUTDOWN_MS: durationMs(10_000).describe("Time to hand turns over when stopping."),
});
export type Config = z.infer<typeof Config>;
