import type { WorkshopLog } from "@parley/bus";
import { encodeJson } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { NotDoneError, UnknownEffectError, type ToolContext } from "../tool.ts";
import { claimBooking, dropClaim } from "./booking-claims.ts";
import { createAppointments, noticeMs, read, type Appointments, type Wanted, type Whose } from "./appointments.ts";
import {
  beginsMs,
  bookableDays,
  bookingIdOf,
  emptyDay,
  readDayRecord,
  tenantToken,
  withBooking,
  withCancelled,
  type Booking,
  type DayRecord,
} from "./diary.ts";
import { dayName } from "./local-time.ts";
import type { ReadModel } from "./read-model.ts";
import type { Workshop } from "./workshop-file.ts";

export interface BookingsDeps {
  readonly workshop: Workshop;
  readonly log: WorkshopLog;
  readonly readModel: ReadModel;
}

export type Bookings = ReturnType<typeof createBookings>;

/** Behind that many others who wrote to the same day in between, somebody has to ask again. */
const mostTries = 20;

const tooLateToKnow = "the broker that keeps the diary did not answer.";
const unreadable =
  "This day of the workshop's diary was written by a newer version of this service and cannot be changed by this one.";
const contended = "Too many people are booking that day at the moment, and nothing was changed. Try again.";

/**
 * The workshop's appointments. What is decided is decided in the stream: a day is written behind what was read of it (compare-and-set), so of two who want one time one gets it,
 * and a call finds by its id what it has made.
 */
export function createBookings(deps: BookingsDeps) {
  const { workshop, readModel } = deps;
  const appointments = createAppointments(deps);
  return {
    ...appointments,

    /** Throws what keeps it from being booked, in a sentence. */
    async check(whose: Whose, wanted: Wanted): Promise<void> {
      const now = await appointments.nowMs();
      checkDay(workshop, wanted, now);
      checkOpen(workshop, (await appointments.upcoming(whose)).length);
      const [day = emptyDay] = await read(readModel.days(tenantToken(whose.caller?.tenant), [wanted.date]));
      if (appointments.slotFor(wanted, day, now) === undefined) throw await appointments.taken(whose, wanted);
    },

    /** Once per call: what the call has booked already is returned as it is. Throws a ToolError with the next free times where somebody was first. */
    async book(context: ToolContext, wanted: Wanted): Promise<Booking> {
      const tenant = tenantToken(context.caller?.tenant);
      const now = await appointments.nowMs();
      checkDay(workshop, wanted, now);
      const person = await claim(deps, appointments, context);
      const booking = change(deps, context, { tenant, date: wanted.date }, async (day) => {
        const own = day.bookings.find(({ call_id }) => call_id === context.callId);
        if (own !== undefined) return { own };
        const slot = appointments.slotFor(wanted, day, now);
        if (slot === undefined) throw await appointments.taken(context, wanted);
        const made = newBooking({ context, wanted, currency: workshop.currency }, slot.bay, now);
        const next = withBooking(day, made);
        if (next === undefined)
          throw new NotDoneError(`The diary of ${dayName(wanted.date)} is full. Choose another day.`);
        return { next, own: made };
      });
      return booking.catch(async (error: unknown) => {
        // What may still be stored goes on to count.
        if (!(error instanceof UnknownEffectError)) await dropClaim(deps.log, person, context.callId).catch(() => {});
        throw error;
      });
    },

    /** One of the caller's own that can still be cancelled; without an id the only one there is. */
    find: (whose: Whose, id: string | undefined): Promise<Booking> => findOwn(workshop, appointments, whose, id),

    /** Once per call, and only the caller's own: what the call has cancelled already is returned. */
    async cancel(context: ToolContext, asked: string | undefined): Promise<Booking> {
      const { user, caller, callId } = context;
      const done = (await appointments.ofCaller(context)).find(({ cancelled }) => cancelled?.call_id === callId);
      if (done !== undefined) return done;
      const { id, date } = await findOwn(workshop, appointments, context, asked);
      const ms = await appointments.nowMs();
      return change(deps, context, { tenant: tenantToken(caller?.tenant), date }, (day) => {
        const own = day.bookings.find((one) => one.id === id && one.user === user.id);
        if (own === undefined) throw new NotDoneError(`There is no appointment ${id}.`);
        if (own.cancelled?.call_id === callId) return { own };
        if (own.cancelled !== undefined) throw new NotDoneError(`The appointment ${id} was cancelled before.`);
        return { next: withCancelled(day, id, { call_id: callId, ms }), own };
      });
    },
  };
}

function checkDay(workshop: Workshop, { date }: Wanted, now: number): void {
  if (bookableDays(workshop, now).includes(date)) return;
  throw new NotDoneError(
    `Appointments can be booked from today to ${workshop.horizon_days} days ahead; ${date} is not among these days.`,
  );
}

/** `others`: of the same person, open or about to be booked. */
function checkOpen({ open_bookings: most }: Workshop, others: number): void {
  if (others < most) return;
  throw new NotDoneError(
    `There are ${others} appointments still to come, and ${most} is the most that one person can have. Cancel one first.`,
  );
}

/** Says that the call is about to book. Returns who for. */
async function claim({ workshop, log }: BookingsDeps, appointments: Appointments, context: ToolContext) {
  const { user, caller, callId } = context;
  const person = { tenant: tenantToken(caller?.tenant), user: tenantToken(user.id) };
  const now = await appointments.nowMs();
  const isOpen = (one: Booking): boolean => one.cancelled === undefined && beginsMs(one, workshop) > now;
  const deps = { log, isOpen, all: () => appointments.ofCaller(context), nowMs: appointments.nowMs };
  await claimBooking(deps, { person, callId, check: (others) => checkOpen(workshop, others) });
  return person;
}

interface Made {
  readonly context: ToolContext;
  readonly wanted: Wanted;
  readonly currency: string;
}

function newBooking({ context, wanted, currency }: Made, bay: number, booked_ms: number): Booking {
  const { user, caller, callId } = context;
  const { service, date, time, vehicle, customer } = wanted;
  return {
    ...{ id: bookingIdOf(tenantToken(caller?.tenant), callId), call_id: callId, user: user.id },
    ...{ service: service.id, title: service.name, date, time, minutes: service.minutes, bay },
    ...{ price: service.price, currency, vehicle, ...(customer === undefined ? {} : { customer }), booked_ms },
  };
}

async function findOwn(
  workshop: Workshop,
  { upcoming, nowMs }: Appointments,
  whose: Whose,
  id: string | undefined,
): Promise<Booking> {
  const open = await upcoming(whose);
  const [only] = open;
  if (only === undefined) throw new NotDoneError("There are no appointments to cancel.");
  const named = open.find((one) => one.id.toLowerCase() === id?.toLowerCase());
  const found = id === undefined && open.length === 1 ? only : named;
  if (found === undefined) {
    const why = id === undefined ? "Say which one." : `There is no appointment ${id} still to come.`;
    throw new NotDoneError(`${why} There are: ${open.map(shortName).join("; ")}.`);
  }
  if (beginsMs(found, workshop) < (await nowMs()) + noticeMs(workshop))
    throw new NotDoneError(
      `${shortName(found)} begins in less than ${workshop.notice_minutes} minutes, which is too late to cancel it here. Call the workshop.`,
    );
  return found;
}

export function shortName({ id, title, date, time }: Booking): string {
  return `${id} (${title}, ${dayName(date)} ${time})`;
}

interface Step {
  /** What the day is to be; absent: it is so already. */
  readonly next?: DayRecord;
  /** What the call is about. */
  readonly own: Booking;
}

/**
 * Changes a day behind what was read of it, again when somebody else was first. What was sent without an answer may have been stored, or may still be: then it is read again,
 * and if nobody can say, the effect is unknown. Once somebody else is found to have been first it cannot be stored any more.
 */
async function change(
  { log, readModel }: BookingsDeps,
  { signal }: ToolContext,
  place: DayPlace,
  decide: (day: DayRecord) => Promise<Step> | Step,
): Promise<Booking> {
  const backoff = createBackoff({ minMs: 5, maxMs: 200 });
  let mayBeStored = false;
  for (let tries = 0; tries < mostTries; tries++) {
    if (signal.aborted && !mayBeStored) throw new NotDoneError("It was stopped before anything was changed.");
    const { day, seq } = await dayOf(log, place).catch((cause: unknown) => {
      throw mayBeStored ? new UnknownEffectError(tooLateToKnow, { cause }) : cause;
    });
    const { next, own } = await decide(day);
    const put = next === undefined ? seq : await stored(log, place, next, seq);
    if (typeof put === "number") {
      // The stream has it, which decides; whoever looks next brings Redis up to it.
      await readModel.catchUp().catch(() => {});
      return own;
    }
    mayBeStored ||= put === "unknown";
    await sleep(backoff.nextMs());
  }
  throw mayBeStored ? new UnknownEffectError(tooLateToKnow) : new NotDoneError(contended);
}

interface DayPlace {
  readonly tenant: string;
  readonly date: string;
}

async function dayOf(log: WorkshopLog, place: DayPlace): Promise<{ readonly day: DayRecord; readonly seq: number }> {
  const last = await read(log.last(place.tenant, place.date));
  const day = last === undefined ? emptyDay : readDayRecord(last.data);
  if (day === undefined) throw new NotDoneError(unreadable);
  return { day, seq: last?.seq ?? 0 };
}

/** `unknown`: it was sent, and nobody said that it was stored. Undefined: somebody was first. */
async function stored(
  log: WorkshopLog,
  place: DayPlace,
  next: DayRecord,
  behind: number,
): Promise<number | "unknown" | undefined> {
  return log.put(place, encodeJson(next), behind).catch(() => "unknown" as const);
}
