import { HeldThing } from "@parley/protocol";
import { adminLines } from "@parley/runtime";
import { z } from "zod";
import { Reason, text, type Endpoint } from "./admin-endpoint.ts";
import { erasureAnswer } from "./privacy-routes.ts";

/** Holds, erasures, exports and retention, for whoever answers for the data (docs/data.md). */

const maxPage = 500;
const HoldOrder = z.strictObject({ ...HeldThing.shape, reason: Reason });
const EraseOrder = z.strictObject({ user: text(256), tenant: text(256).optional(), reason: Reason });
const ExportQuery = z.strictObject({ user: text(256), tenant: text(256).optional(), reason: Reason });
const RetentionQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(maxPage).default(100),
  /** `next` of the page before: shard and sequence. */
  after: z
    .string()
    .regex(/^\d{1,4}\.\d{1,16}$/)
    .default("0.0"),
});

export const privacyEndpoints: Readonly<Record<string, Endpoint>> = {
  "GET /admin/holds": {
    needs: "service:hold",
    handle: async ({ parts: { privacy } }) => ({ answer: { holds: await privacy.holds.holds() } }),
  },
  "POST /admin/hold": {
    needs: "service:hold",
    async handle({ parts: { privacy }, by, body }) {
      const { reason, ...on } = HoldOrder.parse(body);
      return { answer: { hold: await privacy.holds.hold(on, { by, reason }) }, audit: { on, reason } };
    },
  },
  "POST /admin/release": {
    needs: "service:hold",
    async handle({ parts: { privacy }, body }) {
      const { reason, ...on } = HoldOrder.parse(body);
      return { answer: { released: await privacy.holds.lift(on) }, audit: { on, reason } };
    },
  },
  "GET /admin/erasures": {
    needs: "service:erase",
    handle: async ({ parts: { privacy } }) => {
      const erasures = (await privacy.erasures.all()).toSorted((one, other) => other.asked_at - one.asked_at);
      return { answer: { total: erasures.length, erasures: erasures.slice(0, maxPage).map(erasureAnswer) } };
    },
  },
  "POST /admin/erase": {
    needs: "service:erase",
    async handle({ parts: { privacy }, body }) {
      const { user, tenant, reason } = EraseOrder.parse(body);
      const erasure = erasureAnswer(await privacy.erasures.ask({ user, tenant, by: "operator" }));
      // Not whose: what is in the audit log stays there when they are gone from everywhere else.
      return { answer: { erasure }, audit: { on: { erasure_id: erasure.erasure_id }, reason } };
    },
  },
  "GET /admin/retention": {
    needs: "service:read",
    async handle({ parts: { privacy }, query }) {
      const { limit, after } = RetentionQuery.parse(Object.fromEntries(query));
      const [shard = 0, seq = 0] = after.split(".").map(Number);
      const { found, next } = await privacy.sweep.dryRun({ shard, seq }, limit);
      const sweep = await privacy.sweep.state();
      return { answer: { found, sweep, ...(next === undefined ? {} : { next: `${next.shard}.${next.seq}` }) } };
    },
  },
  "GET /admin/export": {
    needs: "service:export",
    async handle({ parts: { privacy }, query }) {
      const { user, tenant, reason } = ExportQuery.parse(Object.fromEntries(query));
      const leaving = new AbortController();
      const whose = { user: { id: user }, tenant, roles: [] };
      const lines = privacy.exports.of(whose, leaving.signal);
      return { answer: adminLines(lines, () => leaving.abort()), audit: { on: { user }, reason } };
    },
  },
};
