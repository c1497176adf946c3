import { MemoryFact, MemoryFactId } from "@parley/protocol";
import { z } from "zod";
import type { MemoryCommands } from "../commands/memory/memory.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, given, nothing, type Route } from "./route.ts";

const MemoryAnswer = z.object({
  enabled: z.boolean().describe("False: nothing is remembered, and what is there is not used."),
  facts: z.array(MemoryFact).describe("Oldest first, of all customers."),
});
const OneFact = z.object({ id: MemoryFactId });
const text = z.string().describe("One line of at most 500 bytes.");
const path = "/api/v1/memory";

/** What agents remember of the caller (docs/memory.md). */
export function createMemoryRoutes(memory: MemoryCommands): Route[] {
  return [listRoute(memory), switchRoute(memory), addRoute(memory), ...factRoutes(memory), clearRoute(memory)];
}

function listRoute(memory: MemoryCommands): Route {
  return defineRoute({
    ...{ method: "get", path, access: "user" },
    summary: "What is remembered of the caller beyond conversations.",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "All of it.", content: MemoryAnswer } },
    handle: async ({ caller }) => jsonReply(200, MemoryAnswer.parse(await memory.list(caller))),
  });
}

function switchRoute(memory: MemoryCommands): Route {
  return defineRoute({
    ...{ method: "put", path, access: "user" },
    summary: "Switch memory on or off for the caller. What is there stays, until it is deleted.",
    ...{ params: nothing, query: nothing },
    body: z.object({ enabled: z.boolean() }),
    responses: { 200: { description: "How it stands now.", content: MemoryAnswer } },
    handle: async ({ caller }, { body: { enabled } }) =>
      jsonReply(200, MemoryAnswer.parse(await memory.enable(caller, enabled))),
  });
}

function addRoute(memory: MemoryCommands): Route {
  return defineRoute({
    ...{ method: "post", path, access: "user" },
    summary: "Have something remembered.",
    ...{ params: nothing, query: nothing },
    body: z.object({
      text,
      customer_id: z.string().max(128).nullish().describe("The customer of whom it tells. Absent: none."),
    }),
    responses: { 201: { description: "As it is kept.", content: MemoryFact } },
    handle: async ({ caller }, { body }) =>
      jsonReply(201, await memory.add(caller, { text: body.text, ...given("customer_id", body.customer_id) })),
  });
}

function factRoutes(memory: MemoryCommands): Route[] {
  const one = { path: `${path}/:id`, access: "user", params: OneFact, query: nothing } as const;
  return [
    defineRoute({
      ...{ ...one, method: "put" },
      summary: "Change what is remembered.",
      body: z.object({ text }),
      responses: { 200: { description: "As it is kept.", content: MemoryFact } },
      handle: async ({ caller }, { params: { id }, body }) => jsonReply(200, await memory.edit(caller, id, body.text)),
    }),
    defineRoute({
      ...{ ...one, method: "delete" },
      summary: "Have something forgotten.",
      body: nothing,
      responses: { 204: { description: "It is not remembered, any more or ever." } },
      async handle({ caller }, { params: { id } }) {
        await memory.remove(caller, id);
        return { status: 204, body: "" };
      },
    }),
  ];
}

function clearRoute(memory: MemoryCommands): Route {
  return defineRoute({
    ...{ method: "delete", path, access: "user" },
    summary: "Have all of it forgotten.",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 204: { description: "Nothing is remembered." } },
    async handle({ caller }) {
      await memory.clear(caller);
      return { status: 204, body: "" };
    },
  });
}
