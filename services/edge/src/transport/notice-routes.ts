import { noticeWants } from "@parley/protocol";
import { z } from "zod";
import type { NoticeChoices } from "../commands/notices/choices.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

const Device = z.object({
  id: z.string(),
  name: z.string().optional().describe("As it called itself."),
  added_at: z.number(),
  seen_at: z.number().describe("When it last asked, ms since 1970."),
});
const Choice = z.object({
  enabled: z.boolean().describe("False: nobody is told anything here."),
  wants: z
    .string()
    .describe("`all` messages of the caller's rooms, those that `addressed` them and what waits for them, or `none`."),
  push_key: z
    .string()
    .optional()
    .describe(
      "With it a browser subscribes at its push service (`applicationServerKey`). Absent: none is sent anything.",
    ),
  devices: z.array(Device).describe("Browsers that are told."),
});
const path = "/api/v1/notices";
const text = (most: number) => z.string().min(1).max(most);

/** What the caller is told when they are away, and where (docs/notices.md). */
export function createNoticeRoutes(choices: NoticeChoices): Route[] {
  return [
    defineRoute({
      ...{ method: "get", path, access: "user" },
      summary: "What the caller is told when they are away, and on which devices.",
      ...{ params: nothing, query: nothing, body: nothing },
      responses: { 200: { description: "As it stands.", content: Choice } },
      handle: async ({ caller }) => jsonReply(200, Choice.parse(await choices.read(caller))),
    }),
    defineRoute({
      ...{ method: "put", path, access: "user" },
      summary: "Choose what the caller is told when they are away, on all devices and by the deployment's own service.",
      ...{ params: nothing, query: nothing, body: z.object({ wants: z.enum(noticeWants) }) },
      responses: { 200: { description: "How it stands now.", content: Choice } },
      handle: async ({ caller }, { body: { wants } }) =>
        jsonReply(200, Choice.parse(await choices.want(caller, wants))),
    }),
    ...deviceRoutes(choices),
  ];
}

function deviceRoutes(choices: NoticeChoices): Route[] {
  return [
    defineRoute({
      ...{ method: "post", path: `${path}/devices`, access: "user" },
      summary: "Have a browser told: what its `PushSubscription` says of itself as JSON. One that is there is renewed.",
      ...{ params: nothing, query: nothing },
      body: z.object({
        endpoint: text(2_048).describe("At a push service."),
        keys: z.object({ p256dh: text(200), auth: text(100) }),
        name: text(100).nullish().describe("By which its user knows it."),
        language: text(35).nullish().describe("In which it is told, such as `de`."),
      }),
      responses: {
        201: {
          description: "It is told. One more than ten takes the place of the one seen longest ago.",
          content: Choice,
        },
      },
      async handle({ caller }, { body: { endpoint, keys, name, language } }) {
        const device = { endpoint, keys, name: name ?? undefined, language: language ?? undefined };
        return jsonReply(201, Choice.parse(await choices.add(caller, device)));
      },
    }),
    defineRoute({
      ...{ method: "delete", path: `${path}/devices/:id`, access: "user" },
      summary: "Have a browser told nothing any more.",
      ...{ params: z.object({ id: text(64).describe("The device.") }), query: nothing, body: nothing },
      responses: { 204: { description: "It is told nothing." } },
      async handle({ caller }, { params: { id } }) {
        await choices.remove(caller, id);
        return { status: 204, body: "" };
      },
    }),
  ];
}
