import { expect, it } from "vitest";
import { carAnswer, carCalls } from "../src/car-questions.ts";
import { guessCall } from "../src/tool-guess.ts";
import type { Turn } from "../src/turn.ts";

const names = ["prices", "slots", "book", "list", "cancel", "history"].map((name) => `workshop_${name}`);
const all = [...names, "diagnosis_start", "diagnosis_answer"];
const turnOf = (question: string, more: Partial<Turn> = {}): Turn => ({
  ...{
    question,
    stepsDone: 0,
    attached: [],
    outcomes: [],
    earlierQuestions: [],
    background: [],
    instructions: "",
    mustCall: undefined,
  },
  tools: all.map((name) => ({ name, description: "about a service of the workshop" })),
  ...more,
});
const callsOf = (question: string, more: Partial<Turn> = {}): unknown[] =>
  carCalls(turnOf(question, more)).map((step) =>
    step.map(({ name, argumentsJson }) => [name, JSON.parse(argumentsJson)]),
  );

it.each([
  [
    "Book the brake service on Tuesday morning",
    "workshop_slots",
    { service: "brake service", day: "tuesday", part: "morning" },
  ],
  ["Which times are free for an oil change tomorrow?", "workshop_slots", { service: "oil change", day: "tomorrow" }],
  ["Bitte buche einen Ölwechsel am Freitag", "workshop_slots", { service: "ölwechsel", day: "freitag" }],
  ["I want to book an appointment", "workshop_prices", {}],
  ["Cancel my booking", "workshop_cancel", {}],
  ["cancel booking b-7q2m4kxa please", "workshop_cancel", { booking: "B-7Q2M4KXA" }],
  ["Which appointments do I have?", "workshop_list", {}],
  ["What does an inspection cost?", "workshop_prices", { service: "inspection" }],
  ["Show me the service history", "workshop_history", {}],
  ["The engine does not start", "diagnosis_start", { symptom: "The engine does not start" }],
])("%s: %s", (question, name, args) => {
  expect(callsOf(question)).toEqual([[[name, args]]]);
});

it.each([
  "What does the yellow engine light mean?",
  "When is the next service due?",
  "How do I check the oil level?",
  "How often must the brake fluid be replaced?",
])("%s is answered from the documents", (question) => {
  expect(callsOf(question)).toEqual([]);
  expect(guessCall(question, turnOf(question).tools)).toBeUndefined();
});

const listed = `Brake service: 90 minutes.\nFree:\n- Tuesday 2026-12-01: 08:00, 08:30\n- Wednesday 2026-12-02: 09:00`;
const slots = [
  { toolName: "workshop_slots", content: `<tool_result tool="workshop_slots">\n${listed}\n</tool_result>` },
];

it.each([
  ["Book the brake service on Tuesday morning", { date: "2026-12-01", time: "08:00" }],
  ["Book the brake service at 8:30", { date: "2026-12-01", time: "08:30" }],
  ["Book the brake service at 9 am", { date: "2026-12-02", time: "09:00" }],
])("%s: books what is listed", (question, place) => {
  const steps = callsOf(question, { stepsDone: 1, outcomes: slots });
  expect(steps[1]).toEqual([["workshop_book", { service: "brake service", ...place }]]);
});

it("a time that is not free is not booked, and neither is another one in its place", () => {
  expect(callsOf("Book the brake service at 15:00", { stepsDone: 1, outcomes: slots })).toHaveLength(1);
  const none = [{ toolName: "workshop_slots", content: "Nothing is free.\nNext: Tuesday 2026-12-01: 08:00" }];
  expect(callsOf("Book the brake service on Sunday", { stepsDone: 1, outcomes: none })).toHaveLength(1);
});

it("an answer to a question of a diagnosis goes on from its place, and the step stays when its result is there", () => {
  const background = ["**What colour is the light?**", "Question: What colour is the light?\nPlace: warning-light"];
  const answered = [["diagnosis_answer", { place: "warning-light", answer: "It is red" }]];
  expect(callsOf("It is red", { background })).toEqual([answered]);
  const outcomes = [{ toolName: "diagnosis_answer", content: "Question: Which sign?\nPlace: warning-light/1" }];
  const now = ["Question: Which sign?\nPlace: warning-light/1", "Thank you.", ...background];
  expect(callsOf("It is red", { stepsDone: 1, outcomes, background: now })).toEqual([answered]);
});

it("people read the question and not the place", () => {
  const text = "A warning light is on. Question: What colour is it?\n1. Red\n2. Yellow\nPlace: warning-light";
  expect(carAnswer(text, undefined)).toBe("A warning light is on\n\n**What colour is it?**\n\n1. Red\n2. Yellow");
});

it("without these tools nothing of it is called", () => {
  expect(callsOf("Book the brake service on Tuesday morning", { tools: [] })).toEqual([]);
});
