import { NotDoneError, ToolError, type ToolContext } from "../tool.ts";
import {
  beginsMs,
  bookableDays,
  emptyDay,
  freeSlots,
  tenantToken,
  type Booking,
  type DayRecord,
  type Slot,
} from "./diary.ts";
import { dayName } from "./local-time.ts";
import type { ReadModel } from "./read-model.ts";
import type { Service, Workshop } from "./workshop-file.ts";

export interface AppointmentsDeps {
  readonly workshop: Workshop;
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

export type Whose = Pick<ToolContext, "user" | "caller">;
export type Appointments = ReturnType<typeof createAppointments>;

const minuteMs = 60_000;
const timesNamed = 6;
const daysLookedAt = 14;

/** What there is and what is free, and what of it concerns the caller. Nothing here changes anything, and every failure says so. */
export function createAppointments({ workshop, readModel }: AppointmentsDeps) {
  const nowMs = (): Promise<number> => read(readModel.nowMs());
  const ofCaller = ({ user, caller }: Whose): Promise<Booking[]> =>
    read(readModel.of(tenantToken(caller?.tenant), user.id));
  const standing = async (whose: Whose, isPast: boolean): Promise<Booking[]> => {
    const [now, all] = await Promise.all([nowMs(), ofCaller(whose)]);
    return all.filter((one) => one.cancelled === undefined && beginsMs(one, workshop) <= now === isPast);
  };

  /** Days on which the service can begin, of so many from a day on. */
  const free = async ({ caller }: Whose, service: Service, from: { readonly date: string; readonly days: number }) => {
    const now = await nowMs();
    const dates = bookableDays(workshop, now)
      .filter((date) => date >= from.date)
      .slice(0, from.days);
    const days = await read(readModel.days(tenantToken(caller?.tenant), dates));
    return dates
      .map((date, index): FreeDay => {
        const slots = freeSlots({ workshop, service, date }, days[index] ?? emptyDay, now + noticeMs(workshop));
        return { date, slots };
      })
      .filter(({ slots }) => slots.length > 0);
  };

  return {
    nowMs,
    free,
    ofCaller,
    upcoming: (whose: Whose) => standing(whose, false),
    /** What has begun by now. */
    past: (whose: Whose) => standing(whose, true),

    /** The bay for it on that day as it is; undefined: the time is not free. */
    slotFor: ({ service, date, time }: Wanted, day: DayRecord, now: number): Slot | undefined =>
      freeSlots({ workshop, service, date }, day, now + noticeMs(workshop)).find((slot) => slot.time === time),

    /** The sentence of who came too late, with what is left. */
    async taken(whose: Whose, { service, date, time }: Wanted): Promise<ToolError> {
      const days = await free(whose, service, { date, days: daysLookedAt }).catch((): FreeDay[] => []);
      const next = days.flatMap(({ date: day, slots }) => slots.map((slot) => `${dayName(day)} ${slot.time}`));
      const left = next.length === 0 ? "" : ` The next free times: ${next.slice(0, timesNamed).join(", ")}.`;
      const what = `${service.name} (${service.minutes} minutes)`;
      return new NotDoneError(`${dayName(date)} ${time} is not free for ${what}.${left}`);
    },
  };
}

export function noticeMs({ notice_minutes }: Pick<Workshop, "notice_minutes">): number {
  return notice_minutes * minuteMs;
}

const cannotRead = "The workshop's diary cannot be read at the moment, and nothing was changed. Try again later.";

/** The broker or Redis is away: known not to have changed anything. */
export async function read<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((cause: unknown) => {
    throw cause instanceof ToolError ? cause : new NotDoneError(cannotRead, { cause });
  });
}
