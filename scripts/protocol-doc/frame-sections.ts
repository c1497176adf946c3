import { readFileSync } from "node:fs";
import {
  ClientFrame,
  ConnectionFrame,
  ConversationEvent,
  ConversationEventFrame,
  EventFrame,
  FrameError,
  KnownPart,
  Part,
  StoredEvent,
} from "@parley/protocol";
import { z } from "zod";
import { fieldTable, objects } from "./field-table.ts";

const fixtures = new URL("../../libs/protocol/fixtures/v1/", import.meta.url);

interface Frame {
  readonly heading: string;
  readonly schema: z.ZodType;
  readonly description: string;
  /** The golden file. */
  readonly example: string;
  /** Fields that all events have, or all of the agent's chain. */
  readonly shared: readonly string[];
}

const common = ["seq", "conversation_id", "turn_id", "ts"];
const chained = ["attempt", "n"];

type FrameSchema = z.ZodObject<{ type: z.ZodLiteral<string> }>;

function typeOf({ shape }: FrameSchema): string {
  return shape.type.value;
}

function described({ description }: z.ZodType, what: string): string {
  if (description === undefined) throw new Error(`${what} has no description`);
  return description;
}

function clientFrame(schema: FrameSchema): Frame {
  const type = typeOf(schema);
  return {
    heading: `Client: \`${type}\``,
    schema,
    description: described(schema, type),
    example: `client-${type}`,
    shared: [],
  };
}

function connectionFrame(schema: FrameSchema): Frame {
  const type = typeOf(schema);
  const isError = schema.def === FrameError.def;
  return {
    heading: isError ? "Server: `error` of a frame" : `Server: \`${type}\``,
    schema,
    description: described(schema, type),
    example: isError ? "server-frame-error" : `server-${type}`,
    shared: [],
  };
}

/** What an event means is said of the stored one: adding `seq` makes a schema without a description. */
function eventFrame(schema: FrameSchema): Frame {
  const type = typeOf(schema);
  const stored = StoredEvent.options.find((option) => typeOf(option) === type);
  if (stored === undefined) throw new Error(`${type} is not stored`);
  const isChained = "attempt" in schema.shape;
  return {
    heading: type === "error" ? "Server: `error` of a turn" : `Server: \`${type}\``,
    schema,
    description: described(stored, type),
    example: `server-${type}`,
    shared: isChained ? [...common, ...chained] : common,
  };
}

/** Of the conversation and no turn. */
function conversationEventFrame(schema: FrameSchema): Frame {
  const type = typeOf(schema);
  const stored = ConversationEvent.options.find((option) => typeOf(option) === type);
  if (stored === undefined) throw new Error(`${type} is not stored`);
  const description = described(stored, type);
  const heading = `Server: \`${type}\``;
  return {
    heading,
    schema,
    description,
    example: `server-${type}`,
    shared: common.filter((name) => name !== "turn_id"),
  };
}

const clientFrames = ClientFrame.options.map(clientFrame);
const connectionFrames = ConnectionFrame.options.map(connectionFrame);
const eventFrames = [
  ...EventFrame.options.map(eventFrame),
  ...ConversationEventFrame.options.map(conversationEventFrame),
];

export const clientSections = (): string => sections(clientFrames);
export const connectionSections = (): string => sections(connectionFrames);
export const eventSections = (): string => sections(eventFrames);

function sections(frames: readonly Frame[]): string {
  return [overview(frames), ...frames.map(section)].join("\n");
}

function overview(frames: readonly Frame[]): string {
  const rows = frames.map(
    ({ heading, description }) => `| [${nameOf(heading)}](#${anchorOf(heading)}) | ${description} |`,
  );
  return ["| frame | what it says |", "|---|---|", ...rows, ""].join("\n");
}

function nameOf(heading: string): string {
  return heading.slice(heading.indexOf("`"));
}

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9_ -]/g, "")
    .replaceAll(" ", "-");
}

function section({ heading, schema, description, example, shared }: Frame): string {
  return [
    `### ${heading}\n`,
    `${description}\n`,
    ...(shared.length === 0 ? [] : [sharedSentence(schema, shared)]),
    fieldTable(schema, shared),
    codeBlock(example),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function sharedSentence(schema: Frame["schema"], shared: readonly string[]): string {
  // That of a post is of no turn that ever runs.
  const ofNoTurn =
    schema instanceof z.ZodObject && "turn_id" in schema.shape
      ? "It belongs to no turn."
      : "It belongs to no turn, so it has no `turn_id`.";
  if (!shared.includes("turn_id"))
    return `${ofNoTurn} The other [fields of every event](#fields-of-every-event), and:\n`;
  const extra = shared.includes("attempt") ? " and of the agent" : "";
  return `The [fields of every event${extra}](#fields-of-every-event), and:\n`;
}

function codeBlock(example: string): string {
  const text = readFileSync(new URL(`${example.replaceAll("_", "-")}.json`, fixtures), "utf8").trim();
  return `\`\`\`json\n${text}\n\`\`\`\n`;
}

/** The fields that the sections of events leave out, from an event that has them all. */
export function sharedFields(): string {
  const token = EventFrame.options.find((option) => typeOf(option) === "token");
  return token === undefined ? "" : fieldTable(token, ["token"]);
}

export function objectSections(): string {
  return Object.entries(objects)
    .map(([name, schema]) => [`### ${name}\n`, `${described(schema, name)}\n`, fieldTable(schema)].join("\n"))
    .join("\n");
}

/** What a message may be made of: the union, and a table for each of its types. */
export function partSections(): string {
  const types = KnownPart.options.map((schema) => ({ schema, type: typeOf(schema) }));
  const rows = types.map(({ schema, type }) => `| [\`${type}\`](#part-${type}) | ${described(schema, type)} |`);
  return [
    "### Part\n",
    `${described(Part, "Part")} Its \`type\` says which:\n`,
    ["| type | what it is |", "|---|---|", ...rows, ""].join("\n"),
    ...types.map(({ schema, type }) => [`#### Part: \`${type}\`\n`, fieldTable(schema)].join("\n")),
  ].join("\n");
}
