import type { PlannedCall } from "./tool-requests.ts";
import type { Turn } from "./turn.ts";

/** What owners and drivers of the car ask for: appointments at the workshop, and guided diagnoses. The calls, as steps; empty when a question is about something else. */
export function carCalls(turn: Turn): PlannedCall[][] {
  return (
    [bookCalls, cancelCalls, listCalls, historyCalls, priceCalls, slotCalls, diagnosisCalls]
      .map((read) => read(turn))
      .find((steps) => steps.length > 0) ?? []
  );
}

export function isCarTool(name: string): boolean {
  return /^(?:workshop|diagnosis)_/.test(name);
}

/** Said before the calls. */
export function carPreface(calls: readonly PlannedCall[]): string | undefined {
  const [first] = calls;
  if (first === undefined || !isCarTool(first.name)) return undefined;
  const said: Readonly<Record<string, string>> = {
    workshop_book: "I ask for this appointment.",
    workshop_cancel: "I ask for it to be cancelled.",
    diagnosis_start: "Let us find out what it is.",
    diagnosis_answer: "Thank you.",
  };
  return said[first.name] ?? "Let me look at the workshop's diary.";
}

const BOOK_VERB =
  /\b(book|reserve|schedule|arrange)\b|\bmake (me )?an appointment\b|\bbuche\w*\b|\btermin\b.*\b(machen|vereinbaren)\b/i;
const CANCEL = /\b(cancel|call off|drop|absagen|stornier\w*|sage\b.*\bab)\b/i;
const APPOINTMENT = /\b(appointments?|bookings?|termine?|booked)\b/i;
const BOOKING_ID = /\bB-[0-9A-Z]{8}\b/i;
const HISTORY = /\bhistory\b|\b(been|was|have you) done\b|\blast (service|visit)\b|\bwas wurde\b/i;
const PRICE = /\b(prices?|costs?|how much|charge|preise?|kostet|kosten)\b/i;
const FREE = /\b(free|available|availability|slots?|times?|openings?|frei\w*)\b/i;
const SERVICE =
  /\b(oil (?:service|change)|brake fluid(?: change)?|brake (?:service|pads?|check)|brakes?|inspection|(?:yearly|annual|full) service|(?:winter|summer) tyres|tyres?|tires?|wheel change|wheels|fault diagnosis)\b|(ölwechsel|bremsflüssigkeit|bremsbeläge|bremsen|inspektion|reifenwechsel|räderwechsel|reifen)/i;
const DAY =
  /\b(\d{4}-\d\d-\d\d|today|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|heute|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\b/i;
const TIME = /\b(?:at|um)\s+(\d{1,2})(?:[:.](\d\d))?\s*(am|pm)?\b/i;
/** As workshop_slots lists the times of a day. */
const FREE_DAY = /^- \w+ (\d{4}-\d\d-\d\d): (.+)$/gm;
const SYMPTOM =
  /n[o']t start|\bstarter\b|\b(warning|engine|red|yellow) light\b|\bbrakes?\b.{0,40}\b(squeal|noise|grind|soft|shak|puls|feel)|\b(squeal|grinding)\w*\b.{0,30}\bbrak|springt nicht an|startet nicht|warnleuchte|warnlampe|bremsen?\b.{0,30}quietsch/i;
/** What a sign means stands in the documents. */
const ASKS_FOR_MEANING = /\bmeans?\b|\bmeaning\b|\bbedeutet\b/i;
const PLACE = /^Place: (\S+)$/m;
const LONGEST_ANSWER = 120;

function offers({ tools }: Turn, name: string): boolean {
  return tools.some((tool) => tool.name === name);
}

function call(name: string, args: Readonly<Record<string, unknown>>): PlannedCall {
  return { name, argumentsJson: JSON.stringify(args) };
}

function serviceIn(text: string): string | undefined {
  return SERVICE.exec(text)?.[0].toLowerCase();
}

/** Of this question, or of what it goes on from. */
function serviceOf({ question, earlierQuestions }: Turn): string | undefined {
  return [question, ...earlierQuestions.toReversed().slice(0, 3)].map(serviceIn).find((found) => found !== undefined);
}

function partIn(question: string): "morning" | "afternoon" | undefined {
  if (/\b(morning|vormittag)\b/i.test(question)) return "morning";
  return /\b(afternoon|evening|nachmittag)\b/i.test(question) ? "afternoon" : undefined;
}

function slotArguments(question: string, service: string): Readonly<Record<string, unknown>> {
  const day = DAY.exec(question)?.[1]?.toLowerCase();
  const part = partIn(question);
  return { service, ...(day && { day }), ...(part && { part }) };
}

function bookCalls(turn: Turn): PlannedCall[][] {
  const { question, outcomes } = turn;
  if (!offers(turn, "workshop_book") || !BOOK_VERB.test(question) || CANCEL.test(question)) return [];
  if (/\bhow (do|can)\b|\bcan i\b.*\?/i.test(question) && serviceIn(question) === undefined) return [];
  const service = serviceOf(turn);
  // Which one? The list says what there is.
  if (service === undefined) return [[call("workshop_prices", {})]];
  const slots = [call("workshop_slots", slotArguments(question, service))];
  const found = outcomes.find(({ toolName }) => toolName === "workshop_slots");
  const free = found && firstFree(found.content, timeIn(question));
  return free === undefined ? [slots] : [slots, [call("workshop_book", { service, ...free })]];
}

function timeIn(question: string): string | undefined {
  const [, hours, minutes = "00", half] = TIME.exec(question) ?? [];
  if (hours === undefined) return undefined;
  const hour = (Number(hours) % (half === undefined ? 24 : 12)) + (half?.toLowerCase() === "pm" ? 12 : 0);
  return `${String(hour).padStart(2, "0")}:${minutes}`;
}

/** The time that was named, where it is free; else the first one. Only of what is listed as asked for, not of what comes next. */
function firstFree(listed: string, wanted: string | undefined): { date: string; time: string } | undefined {
  const days = [...listed.matchAll(FREE_DAY)].map(([, date = "", times = ""]) => ({
    date,
    times: Array.from(times.matchAll(/\d\d:\d\d/g), ([time]) => time),
  }));
  const exact = days.find(({ times }) => wanted !== undefined && times.includes(wanted));
  if (exact !== undefined && wanted !== undefined) return { date: exact.date, time: wanted };
  const [first] = days;
  const time = first?.times[0];
  return wanted !== undefined || first === undefined || time === undefined ? undefined : { date: first.date, time };
}

function cancelCalls(turn: Turn): PlannedCall[][] {
  const { question } = turn;
  const booking = BOOKING_ID.exec(question)?.[0].toUpperCase();
  if (!offers(turn, "workshop_cancel") || !CANCEL.test(question)) return [];
  if (booking === undefined && !APPOINTMENT.test(question) && serviceIn(question) === undefined) return [];
  return [[call("workshop_cancel", booking === undefined ? {} : { booking })]];
}

function listCalls(turn: Turn): PlannedCall[][] {
  const isAsked =
    APPOINTMENT.test(turn.question) && /\b(my|i|which|what|list|show|when|any|meine|welche)\b/i.test(turn.question);
  return offers(turn, "workshop_list") && isAsked && !FREE.test(turn.question) ? [[call("workshop_list", {})]] : [];
}

function historyCalls(turn: Turn): PlannedCall[][] {
  return offers(turn, "workshop_history") && HISTORY.test(turn.question) ? [[call("workshop_history", {})]] : [];
}

function priceCalls(turn: Turn): PlannedCall[][] {
  if (!offers(turn, "workshop_prices") || !PRICE.test(turn.question)) return [];
  const service = serviceIn(turn.question);
  return [[call("workshop_prices", service === undefined ? {} : { service })]];
}

function slotCalls(turn: Turn): PlannedCall[][] {
  const { question } = turn;
  const service = serviceOf(turn);
  const isAsked =
    FREE.test(question) && (APPOINTMENT.test(question) || serviceIn(question) !== undefined || DAY.test(question));
  return offers(turn, "workshop_slots") && isAsked && service !== undefined
    ? [[call("workshop_slots", slotArguments(question, service))]]
    : [];
}

function diagnosisCalls(turn: Turn): PlannedCall[][] {
  const { question, background, stepsDone } = turn;
  if (!offers(turn, "diagnosis_start")) return [];
  // The question of the answer before, and what it was made of. In the running turn there is a result already: the first step stays as it was planned.
  const before = background.slice(stepsDone === 0 ? 0 : turn.outcomes.length + stepsDone).slice(0, 2);
  const place = before.map((text) => PLACE.exec(text)?.[1]).find((found) => found !== undefined);
  if (place !== undefined && question.length <= LONGEST_ANSWER && !SYMPTOM.test(question))
    return [[call("diagnosis_answer", { place, answer: question.trim() })]];
  return SYMPTOM.test(question) && !ASKS_FOR_MEANING.test(question)
    ? [[call("diagnosis_start", { symptom: question.slice(0, 300) })]]
    : [];
}

/** What the last of these tools said, as it said it; a place is for the next call and not for people. */
export function carAnswer(text: string, failure: string | undefined): string {
  const said = (failure === undefined ? text : text.trim() || failure).replaceAll(/^Place: \S+\n?/gm, "").trim();
  return said.replace(/(?:^|\. )Question: (.+)$/m, (_, question: string) => `\n\n**${question}**\n`).trim();
}
