import type { WorkshopLog, WorkshopPerson } from "@parley/bus";
import { encodeJson, parseStored } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { z } from "zod";
import { NotDoneError } from "../tool.ts";
import { read } from "./appointments.ts";
import type { Booking } from "./diary.ts";

/** A call that is about to book. */
const Claim = z.object({ call_id: z.string(), ms: z.number() });
const Claims = z.object({ v: z.number().int(), claims: z.array(Claim) });

/** One whose worker was killed counts for so long: longer than any call may take. */
const claimMs = 600_000;
const mostTries = 20;
const contended =
  "Too many appointments are being booked for the same person at the moment, and nothing was changed. Try again.";

export interface ClaimDeps {
  readonly log: WorkshopLog;
  /** All of the person, also what was cancelled. Never less than was stored before it is asked. */
  readonly all: () => Promise<readonly Booking[]>;
  /** Those of them that count against the limit. */
  readonly isOpen: (booking: Booking) => boolean;
  readonly nowMs: () => Promise<number>;
}

interface Wish {
  readonly person: WorkshopPerson;
  readonly callId: string;
  /** Throws where so many are too many. `others`: open, or about to be. */
  readonly check: (others: number) => void;
}

/**
 * Appointments of one person may be on different days, which are written independently. So who books says so first, behind what others of the same person have said (compare-and-set): of two
 * at one moment the second counts the first, whether that is in the diary by then or not.
 */
export async function claimBooking(
  { log, all, isOpen, nowMs }: ClaimDeps,
  { person, callId, check }: Wish,
): Promise<void> {
  const backoff = createBackoff({ minMs: 5, maxMs: 200 });
  for (let tries = 0; tries < mostTries; tries++) {
    // First what others are about to do, then what they have done: so none of them is in neither.
    const last = await read(log.lastOf(person));
    const [bookings, now] = [await all(), await nowMs()];
    const booked = new Set(bookings.map(({ call_id }) => call_id));
    const claims = Claims.safeParse(last && parseStored(last.data)).data?.claims ?? [];
    const pending = claims.filter(({ call_id, ms }) => !booked.has(call_id) && now - ms < claimMs);
    const isOthers = ({ call_id }: { readonly call_id: string }): boolean => call_id !== callId;
    check(bookings.filter((one) => isOpen(one) && isOthers(one)).length + pending.filter(isOthers).length);
    // Again, after a takeover: it is said, or done.
    if (booked.has(callId) || !pending.every(isOthers)) return;
    const next = { v: 1, claims: [...pending, { call_id: callId, ms: now }] };
    if ((await read(log.putOf(person, encodeJson(next), last?.seq ?? 0))) !== undefined) return;
    await sleep(backoff.nextMs());
  }
  throw new NotDoneError(contended);
}

/** It comes to nothing: the next one need not count it. Where that cannot be stored it counts until it is too old. */
export async function dropClaim(log: WorkshopLog, person: WorkshopPerson, callId: string): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    const last = await log.lastOf(person);
    const known = Claims.safeParse(last && parseStored(last.data)).data;
    const claims = known?.claims.filter(({ call_id }) => call_id !== callId);
    if (last === undefined || claims === undefined || claims.length === known?.claims.length) return;
    if ((await log.putOf(person, encodeJson({ v: 1, claims }), last.seq)) !== undefined) return;
  }
}
