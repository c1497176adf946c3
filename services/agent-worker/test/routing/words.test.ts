import { expect, test } from "vitest";
import { wordsOf } from "../../src/routing/words.ts";

test.each([
  ["What is the ENGINE power?", ["engin", "power"]],
  ["changing changed changes change", ["chang", "chang", "chang", "chang"]],
  ["batteries, battery; tyres, tyre", ["battery", "battery", "tyr", "tyr"]],
  ["running stopped", ["run", "stop"]],
  ["gas bus status pass", ["gas", "bus", "status", "pass"]],
  ["CrashLoopBackOff", ["crashloopbackoff", "crash", "loop", "back", "off"]],
  ["OOMKilled 110 kW", ["oomkill", "oom", "kill", "110", "kw"]],
  ["My car won't start", ["car", "start"]],
  ["Größe café", ["größe", "café"]],
  [`oil ${"a".repeat(41)} ${"b".repeat(40)}`, ["oil", "b".repeat(40)]],
  ["and why?", []],
  ["", []],
])("the words of %j are %j", (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});
