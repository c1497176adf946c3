import { createHash, timingSafeEqual } from "node:crypto";
import { ChatError, revocable } from "@parley/protocol";
import {
  AdminRefusal,
  addCounts,
  type AdminRequest,
  type AdminRoute,
  type Logger,
  type Registry,
} from "@parley/runtime";
import { z } from "zod";
import { longestBlockMs } from "../admission/abuse-score.ts";
import { countedAddress } from "../admission/address.ts";
import { blockable, type Blocked } from "../admission/block-list.ts";
import {
  Reason,
  text,
  type AdminParts,
  type Ask,
  type Audited,
  type Endpoint,
  type ServiceAction,
} from "./admin-endpoint.ts";
import { auditAct, auditPage } from "./admin-audit.ts";
import { feedbackPage } from "./admin-feedback.ts";
import { privacyEndpoints } from "./admin-privacy.ts";
import { usageOf, usageRecords } from "./admin-usage.ts";

export interface AdminRoutesDeps {
  /** Undefined: only callers with the right role are let in. */
  readonly adminToken: string | undefined;
  readonly registry: Registry;
  readonly log: Logger;
}

const maxListed = 1_000;
const Named = { kind: z.enum(blockable), id: text(256) };
/** Longer ones belong into the list of denied addresses. */
const longestMs = 30 * longestBlockMs;

const BlockOrder = z.strictObject({
  ...Named,
  for_s: z
    .number()
    .int()
    .min(1)
    .max(longestMs / 1_000)
    .default(3_600),
  reason: Reason,
});
const LiftOrder = z.strictObject({ ...Named, reason: Reason });
const Thing = { what: z.enum(revocable), id: text(256), user: text(256).optional() };
/** In seconds it would be a day of 1970, and revoke nothing. */
const earliestMs = Date.UTC(2001);
const ms = z.number().int().min(earliestMs, "must be ms since 1970");
const RevokeOrder = z.strictObject({
  ...Thing,
  before_ms: ms.optional(),
  until_ms: ms.optional(),
  cancel: z.boolean().default(false),
  reason: Reason,
});
const ReinstateOrder = z.strictObject({ ...Thing, reason: Reason });

const endpoints: Readonly<Record<string, Endpoint>> = {
  "GET /admin/status": {
    needs: "service:read",
    handle: async ({ parts: { gate, sockets } }) => ({
      answer: { sockets: sockets(), revocations: gate.revocations().length, notes: gate.notes() },
    }),
  },
  "GET /admin/blocks": {
    needs: "service:read",
    handle: async ({ parts: { gate } }) => {
      const blocks = await gate.blocks();
      return { answer: { total: blocks.length, blocks: blocks.slice(0, maxListed) } };
    },
  },
  "GET /admin/revocations": {
    needs: "service:read",
    handle: async ({ parts: { gate } }) => {
      const revocations = gate.revocations();
      return { answer: { total: revocations.length, revocations: revocations.slice(0, maxListed) } };
    },
  },
  "GET /admin/audit": {
    needs: "service:audit",
    handle: async ({ parts: { audit, privacy }, query }) => ({
      answer: await auditPage(audit, query, await privacy.erasures.erasedAt()),
    }),
  },
  "GET /admin/feedback": {
    needs: "service:feedback",
    async handle({ parts: { bus }, query }) {
      const { page, withTexts } = await feedbackPage(bus, query);
      // What people asked and were answered is nobody's to read unseen.
      return { answer: page, ...(withTexts ? { audit: { on: { texts: page.feedback.length }, reason: "" } } : {}) };
    },
  },
  ...privacyEndpoints,
  "GET /admin/usage": {
    needs: "service:usage",
    handle: async ({ parts: { usage }, query }) => ({ answer: await usageOf(usage, query) }),
  },
  "GET /admin/usage-records": {
    needs: "service:usage",
    handle: async ({ parts: { bus }, query }) => ({ answer: await usageRecords(bus.usage, query) }),
  },
  "POST /admin/block": {
    needs: "service:block",
    async handle({ parts: { gate }, by, body }) {
      const { for_s, ...order } = BlockOrder.parse(body);
      const blocked = blockedIn(order);
      const { reason } = order;
      const { block, isShared } = await gate.block({ ...blocked, reason, forMs: for_s * 1_000, by });
      return { answer: { block, shared: isShared }, audit: { on: blocked, reason } };
    },
  },
  "POST /admin/lift": {
    needs: "service:block",
    async handle({ parts: { gate }, body }) {
      const order = LiftOrder.parse(body);
      const blocked = blockedIn(order);
      const lifted = await gate.lift(blocked);
      return { answer: { lifted }, audit: { on: blocked, reason: order.reason } };
    },
  },
  "POST /admin/revoke": { needs: "service:revoke", handle: revoke },
  "POST /admin/reinstate": {
    needs: "service:revoke",
    async handle({ parts: { gate }, by, body }) {
      const { reason, ...thing } = ReinstateOrder.parse(body);
      return { answer: { reinstated: await gate.reinstate(thing, { by, reason }) }, audit: { on: thing, reason } };
    },
  },
  "POST /admin/drain": {
    needs: "service:drain",
    async handle({ parts: { drain, sockets } }) {
      const before = sockets();
      await drain();
      return { answer: { sent_away: before, left: sockets() }, audit: { on: {}, reason: "" } };
    },
  },
};

async function revoke({ parts, by, body }: Ask): Promise<{ answer: unknown; audit: Audited }> {
  const { before_ms: beforeMs, until_ms: untilMs, cancel, reason, ...thing } = RevokeOrder.parse(body);
  if (cancel && thing.what !== "user") {
    throw new AdminRefusal(400, "Only the answers of a user can be cancelled: whose sign-in one began in is not kept.");
  }
  if (untilMs !== undefined && untilMs <= Date.now()) {
    throw new AdminRefusal(400, "until_ms is over: nothing would be revoked.");
  }
  const revocation = await parts.gate.revoke({ ...thing, beforeMs, untilMs, by, reason });
  const cancelled = cancel ? await parts.cancelAllOf(thing.id, { by, reason: "the session was ended" }) : 0;
  return { answer: { revocation, cancelled }, audit: { on: thing, reason } };
}

/** An address as it is counted: a block of any other would hold nobody off. */
function blockedIn({ kind, id }: Blocked): Blocked {
  if (kind !== "address") return { kind, id };
  const address = countedAddress(id);
  if (address === undefined) throw new AdminRefusal(400, `${id} is no address, nor the /64 of one.`);
  return { kind, id: address };
}

/** Blocks, revocations and draining, at the admin port: for whoever has its credential. All that is changed, and all that is refused, is in the log. */
export function createAdminRoutes({ adminToken, registry, log }: AdminRoutesDeps) {
  let parts: AdminParts | undefined;
  const actions = new Map<string, number>();
  addCounts(registry, {
    name: "parley_edge_admin_actions_total",
    help: "Requests to the admin endpoints that change something, read what people said, or were refused, by path; refused ones as one.",
    label: "action",
    read: () => actions,
  });
  const count = (action: string): unknown => actions.set(action, (actions.get(action) ?? 0) + 1);
  for (const name of [
    ...Object.keys(endpoints)
      .filter((key) => key.startsWith("POST"))
      .map(nameOf),
    // Only with what people said.
    "feedback",
    "refused",
  ]) {
    actions.set(name, 0);
  }
  const isAdmin = createIsAdmin(adminToken);

  const serve = async (key: string, { needs, handle }: Endpoint, request: AdminRequest): Promise<unknown> => {
    const there = parts;
    if (there === undefined) throw new AdminRefusal(503, "This process is starting. Try again shortly.");
    const action = nameOf(key);
    try {
      const by = await whoAsks(request, isAdmin, there, needs);
      const { answer, audit } = await handle({ parts: there, by, body: request.body ?? {}, query: request.query });
      if (audit === undefined) return answer;
      count(action);
      log.info({ audit: true, by, action, ...audit }, "an operator did something");
      auditAct(there.audit, { by, action, ...audit });
      return answer;
    } catch (error) {
      if (!isRefused(error)) throw toRefusal(error);
      count("refused");
      log.warn({ audit: true, action, reason: error.message }, "somebody was refused at the admin port");
      throw error;
    }
  };
  const routes: Record<string, AdminRoute> = Object.fromEntries(
    Object.entries(endpoints).map(([key, endpoint]) => [key, (request: AdminRequest) => serve(key, endpoint, request)]),
  );
  return {
    routes,
    /** Until it is called, whoever asks is told that the process starts. */
    open: (there: AdminParts): void => void (parts = there),
  };
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

function isRefused(error: unknown): error is AdminRefusal {
  return error instanceof AdminRefusal && (error.status === 401 || error.status === 403);
}

/** What the gate itself refuses has a status and a sentence already. */
function toRefusal(error: unknown): unknown {
  return error instanceof ChatError ? new AdminRefusal(error.status, error.message) : error;
}

const sha256 = (value: string): Buffer => createHash("sha256").update(value).digest();

/** Compares hashes, so that neither length nor content shows in the time that it takes. */
function createIsAdmin(adminToken: string | undefined): (token: string) => boolean {
  if (adminToken === undefined) return () => false;
  const expected = sha256(adminToken);
  return (token) => timingSafeEqual(sha256(token), expected);
}

/** Throws 401 for nobody, 403 for somebody who may not. */
async function whoAsks(
  { authorization }: AdminRequest,
  isAdmin: (token: string) => boolean,
  { admission, may }: AdminParts,
  needs: ServiceAction,
): Promise<string> {
  const [scheme = "", token = ""] = authorization.trim().split(/\s+/, 2);
  if (scheme.toLowerCase() !== "bearer" || token === "") throw new AdminRefusal(401, "Authentication is required.");
  if (isAdmin(token)) return "admin token";
  const { caller } = await admission.byCredential({ kind: "token", token }, { address: "" }).catch((error: unknown) => {
    throw error instanceof ChatError ? new AdminRefusal(error.status, error.message) : error;
  });
  const verdict = may(caller, needs, { kind: "service" });
  if (!verdict.allowed) throw new AdminRefusal(403, verdict.message);
  return caller.user.id;
}
