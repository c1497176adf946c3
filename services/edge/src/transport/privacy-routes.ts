import { ChatError, ErasureCounts, demand, type ErasureRecord, type May } from "@parley/protocol";
import { z } from "zod";
import type { Logger } from "@parley/runtime";
import type { Erasures } from "../commands/privacy/erasure.ts";
import type { Exports } from "../commands/privacy/export.ts";
import { streamLines } from "./export-stream.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface PrivacyCommands {
  readonly erasures: Pick<Erasures, "ask" | "find">;
  readonly exports: Exports;
}

export interface PrivacyRouteDeps {
  readonly privacy: PrivacyCommands;
  readonly may: May;
  readonly log: Logger;
}

const ExportLine = z
  .looseObject({ kind: z.string() })
  .describe(
    "A line of JSON. `kind` is `export` (the first one), `memory`, `document`, `file`, `bytes` (of the file before it, from `at` on), `connection`, `session`, `usage`, `conversation`, `message`, `feedback`, or `end`: the last one, with the number of `lines` before it and the `sha256` of them. An export without it is not whole. There may be other kinds.",
  );

const moment = z.number().describe("ms since 1970.");
export const ErasureAnswer = z.object({
  erasure_id: z.string().describe("By which it is asked how far it is: whoever has it may ask."),
  state: z.string().describe("`running`, `held` (something is kept by a legal hold) or `done`."),
  step: z.string().describe("What it is at: `doors`, `conversations`, `belongings`, `events` or `done`."),
  asked_at: moment,
  done_at: moment.optional(),
  counts: ErasureCounts.describe("What went, by kind."),
  note: z.string().optional().describe("Why it does not go on."),
});

/** What is told of it: not who it is. */
export function erasureAnswer(record: ErasureRecord): z.infer<typeof ErasureAnswer> {
  return ErasureAnswer.parse(record);
}

/** Being forgotten, everywhere (docs/data.md). */
export function createPrivacyRoutes({ privacy, may, log }: PrivacyRouteDeps): Route[] {
  return [exportRoute(privacy, { may, log }), ...erasureRoutes(privacy, may)];
}

function exportRoute({ exports }: PrivacyCommands, { may, log }: Pick<PrivacyRouteDeps, "may" | "log">): Route {
  return defineRoute({
    ...{ method: "get", path: "/api/v1/me/export", access: "user" },
    summary: "Everything that is kept of the caller, as lines of JSON.",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "One line after the other, as fast as they are read.", lines: ExportLine } },
    async handle({ caller, exchange }) {
      demand(may(caller, "privacy:export", { kind: "user", id: caller.user.id }));
      const leaving = new AbortController();
      await streamLines(exchange, exports.of(caller, leaving.signal), { leaving, log });
      return undefined;
    },
  });
}

function erasureRoutes({ erasures }: PrivacyCommands, may: May): Route[] {
  return [
    defineRoute({
      method: "delete",
      path: "/api/v1/me",
      summary: "Have everything of the caller erased, everywhere. It cannot be taken back; all sign-ins end.",
      access: "user",
      params: nothing,
      query: nothing,
      body: z.object({
        confirm: z.string().describe("The caller's own user id: whoever means somebody else is asked."),
      }),
      responses: { 202: { description: "It has begun. It ends within an hour, as a rule.", content: ErasureAnswer } },
      async handle({ caller }, { body: { confirm } }) {
        const { user, tenant } = caller;
        demand(may(caller, "privacy:erase", { kind: "user", id: user.id }));
        if (confirm !== user.id)
          throw new ChatError("INVALID_FRAME", { message: "`confirm` must be your own user id: nothing was erased." });
        return jsonReply(202, erasureAnswer(await erasures.ask({ user: user.id, tenant, by: "user" })));
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/v1/erasures/:id",
      summary: "How far an erasure is, for whoever has its id.",
      access: "anybody",
      params: z.object({ id: z.string().regex(/^era_[A-Za-z0-9_-]{67}$/) }),
      query: nothing,
      body: nothing,
      responses: { 200: { description: "How it stands. Once it is done, a receipt.", content: ErasureAnswer } },
      async handle(_call, { params: { id } }) {
        const record = await erasures.find(id);
        if (record === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such erasure." });
        return jsonReply(200, erasureAnswer(record));
      },
    }),
  ];
}
