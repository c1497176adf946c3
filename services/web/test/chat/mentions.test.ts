import { expect, test } from "vitest";
import {
  begunAt,
  completed,
  mentionPattern,
  mentionsIn,
  suggestionsFor,
  type Candidate,
} from "../../src/chat/mentions.ts";

const ann: Candidate = { name: "Ann Miller", kind: "member", id: "u-ann" };
const anna: Candidate = { name: "Anna", kind: "member", id: "u-anna" };
const helper: Candidate = { name: "helper", kind: "agent", id: "general" };
const all = [ann, anna, helper];

const named = (prefix: string): string[] => suggestionsFor(prefix, all).map(({ name }) => name);

test.each([
  ["@", 1, ""],
  ["hello @an", 9, "an"],
  ["(@an", 4, "an"],
  ["@Ann Mil", 8, "Ann Mil"],
  ["line\n@h", 7, "h"],
])("in %o at %i a name is begun: %o", (text, caret, prefix) => {
  expect(begunAt(text, caret)?.prefix).toBe(prefix);
});

test.each([
  ["ann@example.org", 15],
  ["no name", 7],
  ["@ann is here today", 18],
  ["@an", 0],
])("in %o at %i none is", (text, caret) => {
  expect(begunAt(text, caret)).toBeUndefined();
});

test("a name is found by its beginning, by that of each word, and by the id", () => {
  expect(named("")).toEqual(["Ann Miller", "Anna", "helper"]);
  expect(named("AN")).toEqual(["Ann Miller", "Anna"]);
  expect(named("mill")).toEqual(["Ann Miller"]);
  expect(named("gen")).toEqual(["helper"]);
  expect(named("nobody")).toEqual([]);
});

test("whoever has typed a whole name and a space is done with it", () => {
  expect(named("helper ")).toEqual([]);
  expect(named("Ann ")).toEqual(["Ann Miller"]);
});

test("a completed name stands in the place of what was typed of it", () => {
  const begun = begunAt("ask @mil about it", 8);
  expect(begun && completed("ask @mil about it", begun, ann)).toEqual({ text: "ask @Ann Miller about it", caret: 16 });
  const last = begunAt("@he", 3);
  expect(last && completed("@he", last, helper)).toEqual({ text: "@helper ", caret: 8 });
});

test.each([
  ["@Ann Miller, look", ["u-ann"]],
  ["@anna and @ANN MILLER", ["u-ann", "u-anna"]],
  ["@Anna", ["u-anna"]],
  ["@Annabel", []],
  ["mail x@Anna", []],
  ["@helper do it", []],
  ["no one", []],
])("%o addresses %o", (text, ids) => {
  expect(mentionsIn(text, all)).toEqual(ids);
});

test("what a name is made of is no pattern", () => {
  const pattern = mentionPattern(["a.b (c)", "x|y", "p-1/2"]);
  expect("@a.b (c) and @x|y, @p-1/2, not @axb".split(pattern ?? /never/)).toEqual([
    "",
    "@a.b (c)",
    " and ",
    "@x|y",
    ", ",
    "@p-1/2",
    ", not @axb",
  ]);
  expect(mentionPattern([])).toBeUndefined();
});
