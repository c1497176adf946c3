import { z } from "zod";
import { defineTool, ToolError, type Tool, type ToolContext } from "../tool.ts";
import type { FreeDay } from "./appointments.ts";
import { shortName, type Bookings } from "./bookings.ts";
import type { Booking } from "./diary.ts";
import { dayName, localOf, minutesOf, readDay } from "./local-time.ts";
import { findService, type Service, type Workshop } from "./workshop-file.ts";

export interface WorkshopToolsDeps {
  readonly workshop: Workshop;
  /** Opened when it is needed first. Rejects while the broker cannot be reached. */
  readonly bookings: () => Promise<Bookings>;
}

const readMs = 15_000;
const writeMs = 30_000;
const noonMinutes = 12 * 60;
const mostTimes = 8;

const serviceField = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .describe("Id or name of the service, as workshop_prices lists them.");
const dayText = z.string().trim().min(1).max(20);
const ONE_LINE = /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u;
const note = (most: number) => z.string().trim().min(1).max(most).regex(ONE_LINE, "must be one line");
const customerField = note(60)
  .optional()
  .describe(
    "Reference of the customer for whom it is, such as customer-17, where the caller books for others. It gives no right to anybody else's appointments.",
  );

/** What the workshop `config/workshop.yaml` offers, as tools. */
export function createWorkshopTools(deps: WorkshopToolsDeps): Tool[] {
  return [prices(deps), slots(deps), book(deps), list(deps), cancel(deps), history(deps)];
}

function prices({ workshop }: WorkshopToolsDeps): Tool {
  return defineTool({
    name: "workshop_prices",
    description:
      "Lists the services of the workshop with price, duration and what they include, and its opening hours.",
    input: z.strictObject({ service: serviceField.optional() }),
    effect: "read",
    timeoutMs: readMs,
    async run({ service }) {
      const shown = service === undefined ? workshop.services : [serviceOf(workshop, service)];
      const rows = shown.map(({ id, name, minutes, price, includes = "" }) =>
        `- ${name} (\`${id}\`): ${money(price, workshop)}, ${minutes} minutes. ${includes}`.trim(),
      );
      return [`Services of ${workshop.name}:`, ...rows, `Open (${workshop.time_zone}): ${hoursOf(workshop)}.`].join(
        "\n",
      );
    },
  });
}

function slots({ workshop, bookings }: WorkshopToolsDeps): Tool {
  return defineTool({
    name: "workshop_slots",
    description: "Lists the times at which a service of the workshop can be booked.",
    input: z.strictObject({
      service: serviceField,
      day: dayText.optional().describe("The first day: YYYY-MM-DD, today, tomorrow, or a weekday. Default: today."),
      days: z.int().min(1).max(31).optional().describe("How many days from then on. Default: 1 with a day, 7 without."),
      part: z.enum(["any", "morning", "afternoon"]).default("any").describe("Only before or only from 12:00."),
    }),
    effect: "read",
    timeoutMs: readMs,
    async run({ service: asked, day, days = day === undefined ? 7 : 1, part }, context) {
      const service = serviceOf(workshop, asked);
      const open = await bookings();
      const date = dayOf(day ?? "today", workshop, await open.nowMs());
      const found = await open.free(context, service, { date, days });
      const fitting = found.map((one) => inPart(one, part)).filter(({ slots: left }) => left.length > 0);
      const head = `${service.name}: ${service.minutes} minutes, ${money(service.price, workshop)}, at ${workshop.name}. Times of ${workshop.time_zone}.`;
      if (fitting.length > 0) return [head, "Free:", ...fitting.map(timesOf)].join("\n");
      const later = await open.free(context, service, { date, days: 31 });
      return [
        head,
        `Nothing is free ${spanOf(date, days, part)}.`,
        ...later.slice(0, 3).map((one) => `Next: ${timesOf(one).slice(2)}`),
      ].join("\n");
    },
  });
}

function book({ workshop, bookings }: WorkshopToolsDeps): Tool {
  const input = z.strictObject({
    service: serviceField,
    date: z.iso.date().describe("The day, YYYY-MM-DD, as workshop_slots lists it."),
    time: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time, such as 08:30")
      .describe("When it begins, HH:MM, as workshop_slots lists it."),
    vehicle: note(60).default("Aurora 2").describe("The car: its model or number plate."),
    customer: customerField,
  });
  const wantedOf = ({ service, ...rest }: z.output<typeof input>) => ({
    ...rest,
    service: serviceOf(workshop, service),
  });
  return defineTool({
    name: "workshop_book",
    description:
      "Books an appointment at the workshop, when a person agrees. Look for free times with workshop_slots first.",
    input,
    effect: "write",
    timeoutMs: writeMs,
    access: ({ date }) => [{ system: "workshop", verb: "book", kind: "Appointment", name: date }],
    approval: {
      summary: ({ service, date, time, vehicle }) =>
        `Books ${findService(workshop, service)?.name ?? service} on ${dayName(date)} at ${time} for ${vehicle} at ${workshop.name}.`,
      async preview(args, context) {
        const wanted = wantedOf(args);
        await (await bookings()).check(context, wanted);
        return { kind: "diff", text: `+${bookingLine(wanted, workshop)}` };
      },
    },
    command: ({ service, date, time }) => `workshop_book service=${service} date=${date} time=${time}`,
    async run(args, context) {
      const made = await (await bookings()).book(context, wantedOf(args));
      return `Booked: ${lineOf(made)}. Times of ${workshop.time_zone}. It can be cancelled until ${workshop.notice_minutes} minutes before.`;
    },
  });
}

function list({ workshop, bookings }: WorkshopToolsDeps): Tool {
  return defineTool({
    name: "workshop_list",
    description: "Lists the caller's own appointments at the workshop that are still to come.",
    input: z.strictObject({ customer: customerField }),
    effect: "read",
    timeoutMs: readMs,
    async run({ customer }, context) {
      const found = ofCustomer(await (await bookings()).upcoming(context), customer);
      if (found.length === 0)
        return `There are no appointments still to come${customer === undefined ? "" : ` for ${customer}`}.`;
      return [
        `Appointments at ${workshop.name}, times of ${workshop.time_zone}:`,
        ...found.map((one) => `- ${lineOf(one)}`),
      ].join("\n");
    },
  });
}

function cancel({ workshop, bookings }: WorkshopToolsDeps): Tool {
  const find = async (id: string | undefined, context: ToolContext): Promise<Booking> =>
    (await bookings()).find(context, id);
  return defineTool({
    name: "workshop_cancel",
    description: "Cancels one of the caller's own appointments at the workshop, when a person agrees.",
    input: z.strictObject({
      booking: z
        .string()
        .trim()
        .regex(/^[Bb]-[0-9A-Za-z]{8}$/, "must be the id of an appointment, such as B-7Q2M4KXA")
        .optional()
        .describe("Id of the appointment, as workshop_list shows it. May be left out where there is only one."),
    }),
    effect: "write",
    timeoutMs: writeMs,
    access: ({ booking = "*" }) => [{ system: "workshop", verb: "cancel", kind: "Appointment", name: booking }],
    approval: {
      summary: ({ booking }) =>
        `Cancels ${booking === undefined ? "the only appointment" : `the appointment ${booking}`} at ${workshop.name}.`,
      preview: async ({ booking }, context) => ({ kind: "diff", text: `-${lineOf(await find(booking, context))}` }),
    },
    command: ({ booking }) => `workshop_cancel booking=${booking ?? ""}`,
    async run({ booking }, context) {
      const cancelled = await (await bookings()).cancel(context, booking);
      return `Cancelled: ${shortName(cancelled)}.`;
    },
  });
}

function history({ workshop, bookings }: WorkshopToolsDeps): Tool {
  return defineTool({
    name: "workshop_history",
    description:
      "Lists what the workshop has done to the caller's cars: the caller's own appointments that are over, newest first.",
    input: z.strictObject({
      vehicle: note(60).optional().describe("Only of this car, as it was named when it was booked."),
      customer: customerField,
    }),
    effect: "read",
    timeoutMs: readMs,
    async run({ vehicle, customer }, context) {
      const past = ofCustomer(await (await bookings()).past(context), customer);
      const found = past.filter((one) => vehicle === undefined || one.vehicle.toLowerCase() === vehicle.toLowerCase());
      if (found.length === 0) return "There is no service in the history yet.";
      return [`Service history at ${workshop.name}:`, ...found.toReversed().map((one) => `- ${lineOf(one)}`)].join(
        "\n",
      );
    },
  });
}

function serviceOf(workshop: Workshop, asked: string): Service {
  const service = findService(workshop, asked);
  if (service !== undefined) return service;
  throw new ToolError(
    `There is no service "${asked}". There are: ${workshop.services.map(({ id, name }) => `${name} (${id})`).join(", ")}.`,
  );
}

function dayOf(text: string, { time_zone }: Workshop, nowMs: number): string {
  const day = readDay(text, localOf(nowMs, time_zone).date);
  if (day === undefined) throw new ToolError(`"${text}" is no day: give YYYY-MM-DD, today, tomorrow or a weekday.`);
  return day;
}

function inPart({ date, slots: all }: FreeDay, part: "any" | "morning" | "afternoon"): FreeDay {
  const fits = (time: string): boolean => part === "any" || minutesOf(time) < noonMinutes === (part === "morning");
  return { date, slots: all.filter(({ time }) => fits(time)) };
}

function timesOf({ date, slots: free }: FreeDay): string {
  const times = free.slice(0, mostTimes).map(({ time }) => time);
  return `- ${dayName(date)}: ${times.join(", ")}${free.length > mostTimes ? `, and ${free.length - mostTimes} later` : ""}`;
}

function spanOf(date: string, days: number, part: string): string {
  const time = part === "any" ? "" : ` in the ${part}`;
  return days === 1 ? `on ${dayName(date)}${time}` : `in the ${days} days from ${dayName(date)} on${time}`;
}

function ofCustomer(bookings: readonly Booking[], customer: string | undefined): Booking[] {
  return bookings.filter((one) => customer === undefined || one.customer === customer);
}

function bookingLine(
  {
    service,
    date,
    time,
    vehicle,
    customer,
  }: { service: Service; date: string; time: string; vehicle: string; customer?: string | undefined },
  workshop: Workshop,
): string {
  const whose = customer === undefined ? "" : `, for ${customer}`;
  return `${dayName(date)} ${time}: ${service.name}, ${service.minutes} minutes, ${vehicle}${whose}, ${money(service.price, workshop)} (${workshop.time_zone})`;
}

function lineOf({ id, title, date, time, minutes, vehicle, customer, price, currency }: Booking): string {
  const whose = customer === undefined ? "" : `, for ${customer}`;
  return `${dayName(date)} ${time}: ${title}, ${minutes} minutes, ${vehicle}${whose}, ${price} ${currency}, booking ${id}`;
}

function money(price: number, { currency }: Workshop): string {
  return `${price} ${currency}`;
}

function hoursOf({ opening_hours }: Workshop): string {
  return Object.entries(opening_hours)
    .map(([day, spans]) => `${day} ${spans.map(({ from, to }) => `${clock(from)}-${clock(to)}`).join(" and ")}`)
    .join(", ");
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}
