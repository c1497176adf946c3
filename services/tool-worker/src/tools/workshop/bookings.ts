import type { WorkshopLog } from "@parley/bus";
import { encodeJson } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { NotDoneError, ToolError, UnknownEffectError, type ToolContext } from "../tool.ts";
import {
  beginsMs,
  bookableDays,
  bookingIdOf,
  emptyDay,
  freeSlots,
  readDayRecord,
  tenantToken,
  withBooking,
  withCancelled,
  type Booking,
  type DayRecord,
  type Slot,
} from "./diary.ts";
import { dayName } from "./local-time.ts";
import type { ReadModel } from "./read-model.ts";
import type { Service, Workshop } from "./workshop-file.ts";

export interface BookingsDeps {
  readonly workshop: Workshop;
  readonly log: WorkshopLog;
  readonly readModel: ReadModel;
}

/** What somebody wants. */
export interface Wanted {
  readonly service: Service;
  readonly date: string;
  readonly time: string;
  readonly vehicle: string;
  readonly customer?: string | undefined;
}

export interface FreeDay {
  readonly date: string;
  readonly slots: readonly Slot[];
}

export type Bookings = ReturnType<typeof createBookings>;

type Whose = Pick<ToolContext, "user" | "caller">;

/** Behind that many others who wrote to the same day in between, somebody has to ask again. */
const mostTries = 20;
const timesNamed = 6;

const minuteMs = 60_000;

const tooLateToKnow = "the broker that keeps the diary did not answer.";
const unreadable =
  "This day of the workshop's diary was written by a newer version of this service and cannot be changed by this one.";
const contended = "Too many people are booking that day at the moment, and nothing was changed. Try again.";

/**
 * The workshop's appointments. What is decided is decided in the stream: a day is written behind what was read of it (compare-and-set), so of two who want one time one gets it,
 * and a call finds by its id that it has been made.
 */
export function createBookings(deps: BookingsDeps) {
  const { workshop, readModel } = deps;
  const earliestMs = async (): Promise<number> => (await readModel.nowMs()) + workshop.notice_minutes * minuteMs;

  /** Days on which the service can begin, from a day on. */
  const free = async (whose: Whose, service: Service, from: { readonly date: string; readonly days: number }) => {
    const nowMs = await readModel.nowMs();
    const dates = bookableDays(workshop, nowMs)
      .filter((date) => date >= from.date)
      .slice(0, from.days);
    const days = await readModel.days(tenantToken(whose.caller?.tenant), dates);
    const fromMs = nowMs + workshop.notice_minutes * minuteMs;
    return dates
      .map((date, index): FreeDay => ({
        date,
        slots: freeSlots({ workshop, service, date }, days[index] ?? emptyDay, fromMs),
      }))
      .filter(({ slots }) => slots.length > 0);
  };

  const upcoming = async ({ user, caller }: Whose): Promise<Booking[]> => {
    const nowMs = await readModel.nowMs();
    const all = await readModel.of(tenantToken(caller?.tenant), user.id);
    return all.filter((one) => one.cancelled === undefined && beginsMs(one, workshop) > nowMs);
  };

  /** The sentence of who came too late, with what is left. */
  const taken = async (whose: Whose, { service, date, time }: Wanted): Promise<ToolError> => {
    const days = await free(whose, service, { date, days: 14 });
    const next = days.flatMap(({ date: day, slots }) => slots.map((slot) => `${dayName(day)} ${slot.time}`));
    const left =
      next.length === 0
        ? "Nothing is free in the two weeks from then on."
        : `The next free times: ${next.slice(0, timesNamed).join(", ")}.`;
    return new NotDoneError(
      `${dayName(date)} ${time} is not free for ${service.name} (${service.minutes} minutes). ${left}`,
    );
  };

  /** Throws what keeps it from being booked, in a sentence. It changes nothing. */
  const check = async (whose: Whose, wanted: Wanted): Promise<void> => {
    const nowMs = await readModel.nowMs();
    if (!bookableDays(workshop, nowMs).includes(wanted.date))
      throw new NotDoneError(
        `Appointments can be booked from today to ${workshop.horizon_days} days ahead; ${wanted.date} is not among these days.`,
      );
    const [day] = await readModel.days(tenantToken(whose.caller?.tenant), [wanted.date]);
    if (slotOf(deps, wanted, day ?? emptyDay, nowMs + workshop.notice_minutes * minuteMs) === undefined)
      throw await taken(whose, wanted);
    const open = await upcoming(whose);
    if (open.length >= workshop.open_bookings)
      throw new NotDoneError(
        `There are ${open.length} appointments still to come, and ${workshop.open_bookings} is the most that one person can have. Cancel one first.`,
      );
  };

  return {
    workshop,
    free,
    upcoming,
    check,
    nowMs: readModel.nowMs,

    /** Of the caller: all that were not taken back and have begun by now. */
    async past({ user, caller }: Whose): Promise<Booking[]> {
      const nowMs = await readModel.nowMs();
      const all = await readModel.of(tenantToken(caller?.tenant), user.id);
      return all.filter((one) => one.cancelled === undefined && beginsMs(one, workshop) <= nowMs);
    },

    /** Once per call: what the call has booked already is returned as it is. Throws a ToolError with the next free times where somebody was first. */
    async book(context: ToolContext, wanted: Wanted): Promise<Booking> {
      const { user, caller, callId } = context;
      const tenant = tenantToken(caller?.tenant);
      const fromMs = await earliestMs();
      const booked_ms = fromMs - workshop.notice_minutes * minuteMs;
      const booking = await change(deps, context, { tenant, date: wanted.date }, async (day) => {
        const own = day.bookings.find(({ call_id }) => call_id === callId);
        if (own !== undefined) return { own };
        const slot = slotOf(deps, wanted, day, fromMs);
        if (slot === undefined) throw await taken(context, wanted);
        const { service, date, time, vehicle, customer } = wanted;
        const made: Booking = {
          ...{
            id: bookingIdOf(tenant, callId),
            call_id: callId,
            user: user.id,
            service: service.id,
            title: service.name,
          },
          ...{ date, time, minutes: service.minutes, bay: slot.bay, price: service.price, currency: workshop.currency },
          ...{ vehicle, ...(customer === undefined ? {} : { customer }), booked_ms },
        };
        const next = withBooking(day, made);
        if (next === undefined) throw new NotDoneError(`The diary of ${dayName(date)} is full. Choose another day.`);
        return { next, own: made };
      });
      return booking;
    },

    /** One of the caller's own that is still to come. Undefined: there is none of that id. */
    async find(whose: Whose, id: string | undefined): Promise<Booking> {
      const open = await upcoming(whose);
      if (open.length === 0) throw new NotDoneError("There are no appointments to cancel.");
      const found =
        id === undefined && open.length === 1
          ? open[0]
          : open.find((one) => one.id.toLowerCase() === id?.toLowerCase());
      if (found === undefined) {
        const why = id === undefined ? "Say which one." : `There is no appointment ${id} still to come.`;
        throw new NotDoneError(`${why} There are: ${open.map(shortName).join("; ")}.`);
      }
      if (beginsMs(found, workshop) < (await earliestMs()))
        throw new NotDoneError(
          `${shortName(found)} begins in less than ${workshop.notice_minutes} minutes, which is too late to cancel it here. Call the workshop.`,
        );
      return found;
    },

    /** Once per call, and only the caller's own. */
    async cancel(context: ToolContext, { id, date }: Pick<Booking, "id" | "date">): Promise<Booking> {
      const { user, caller, callId } = context;
      const ms = await readModel.nowMs();
      return change(deps, context, { tenant: tenantToken(caller?.tenant), date }, (day) => {
        const found = day.bookings.find((one) => one.id === id && one.user === user.id);
        if (found === undefined) throw new NotDoneError(`There is no appointment ${id}.`);
        if (found.cancelled !== undefined && found.cancelled.call_id !== callId)
          throw new NotDoneError(`The appointment ${id} was cancelled before.`);
        if (found.cancelled !== undefined) return { own: found };
        return { next: withCancelled(day, id, { call_id: callId, ms }), own: found };
      });
    },
  };
}

function slotOf(
  { workshop }: BookingsDeps,
  { service, date, time }: Wanted,
  day: DayRecord,
  fromMs: number,
): Slot | undefined {
  return freeSlots({ workshop, service, date }, day, fromMs).find((slot) => slot.time === time);
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
 * and if nobody can say, the effect is unknown.
 */
async function change(
  { log, readModel }: BookingsDeps,
  { signal }: ToolContext,
  place: { readonly tenant: string; readonly date: string },
  decide: (day: DayRecord) => Promise<Step> | Step,
): Promise<Booking> {
  const backoff = createBackoff({ minMs: 5, maxMs: 200 });
  let mayBeStored = false;
  for (let tries = 0; tries < mostTries; tries++) {
    if (signal.aborted && !mayBeStored) throw new NotDoneError("It was stopped before anything was changed.");
    const last = await log.last(place.tenant, place.date).catch((cause: unknown) => {
      throw mayBeStored
        ? new UnknownEffectError(tooLateToKnow, { cause })
        : new NotDoneError(
            "The workshop's diary cannot be read at the moment, and nothing was changed. Try again later.",
            { cause },
          );
    });
    const day = last === undefined ? emptyDay : readDayRecord(last.data);
    if (day === undefined) throw new NotDoneError(unreadable);
    const { next, own } = await decide(day);
    const seq =
      next === undefined
        ? last?.seq
        : await log.put(place, encodeJson(next), last?.seq ?? 0).catch(() => void (mayBeStored = true));
    if (typeof seq === "number") {
      // The stream has it, which decides; whoever looks next brings Redis up to it.
      await readModel.catchUp().catch(() => {});
      return own;
    }
    await sleep(backoff.nextMs());
  }
  throw mayBeStored ? new UnknownEffectError(tooLateToKnow) : new NotDoneError(contended);
}
