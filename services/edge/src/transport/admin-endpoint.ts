import type { AuditLog, Bus } from "@parley/bus";
import type { Action, May } from "@parley/protocol";
import { z } from "zod";
import type { Admission } from "../admission/admit.ts";
import type { GateStore } from "../admission/gate-store.ts";
import type { Erasures } from "../commands/privacy/erasure.ts";
import type { Exports } from "../commands/privacy/export.ts";
import type { Sweep } from "../commands/privacy/sweep.ts";
import type { UsageReading } from "../commands/usage.ts";

/** What whoever answers for the data may ask. */
interface AdminPrivacy {
  readonly erasures: Pick<Erasures, "ask" | "all" | "erasedAt">;
  readonly exports: Exports;
  readonly sweep: Pick<Sweep, "dryRun" | "state">;
  readonly holds: Pick<Bus["privacy"], "hold" | "holds" | "lift">;
}

/** What the endpoints act on; there once the edge serves. */
export interface AdminParts {
  readonly gate: GateStore;
  readonly audit: Pick<AuditLog, "page" | "write">;
  readonly bus: Pick<Bus, "feedback" | "transcripts" | "usage">;
  readonly usage: UsageReading;
  readonly privacy: AdminPrivacy;
  readonly admission: Pick<Admission, "byCredential">;
  readonly may: May;
  sockets(): number;
  cancelAllOf(userId: string, order: { readonly by: string; readonly reason: string }): Promise<number>;
  drain(): Promise<void>;
}

export type ServiceAction = Extract<Action, `service:${string}`>;

export const text = (maxChars: number) => z.string().trim().min(1).max(maxChars);
export const Reason = text(200);

/** What somebody asks, and who. */
export interface Ask {
  readonly parts: AdminParts;
  readonly by: string;
  readonly body: unknown;
  readonly query: URLSearchParams;
}

export interface Audited {
  readonly on: object;
  readonly reason: string;
}

export interface Endpoint {
  readonly needs: ServiceAction;
  /** What is answered; with `audit`, what was done to whom. */
  readonly handle: (ask: Ask) => Promise<{ readonly answer: unknown; readonly audit?: Audited }>;
}
