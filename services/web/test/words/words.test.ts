import { expect, test } from "vitest";
import { appEn } from "../../src/words/app.en.ts";
import { chatEn } from "../../src/words/chat.en.ts";
import { embedDe } from "../../src/words/embed.de.ts";
import { formatsOf } from "../../src/words/formats.ts";
import { german } from "../../src/words/german.ts";
import { languageOf } from "../../src/words/language.ts";
import { messageEn } from "../../src/words/message.en.ts";
import { roomEn } from "../../src/words/room.en.ts";

const english = { app: appEn, chat: chatEn, message: messageEn, room: roomEn };

/** Every sentence by its place; those that are made of something are made of their own names. */
function sentencesIn(words: object, place = ""): [string, string][] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]): [string, string][] => {
    const at = `${place}.${name}`;
    if (typeof value === "string") return [[at, value]];
    if (typeof value === "object" && value !== null) return sentencesIn(value, at);
    return [];
  });
}

test("no sentence is empty, in no language", () => {
  expect([...sentencesIn(english), ...sentencesIn(german)].filter(([, text]) => text.trim() === "")).toEqual([]);
});

/** Names, and words that both languages have. */
const alike = new Set([
  "Parley",
  "System",
  "Online",
  "Details",
  "Status",
  "Text",
  "Agent",
  "Stop",
  "Tool",
  "Token",
  "OK",
]);

test("what is said in German is not said in English", () => {
  const inEnglish = new Map(sentencesIn(english));
  const same = sentencesIn(german).filter(([at, text]) => inEnglish.get(at) === text && !alike.has(text));
  expect(same.filter(([, text]) => text.split(" ").length > 2)).toEqual([]);
});

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "EN-us", "de"], "en"],
  [["fr", "it"], "en"],
  [[], "en"],
])("who reads %o reads the page in %s", (preferred, language) => {
  expect(languageOf(preferred)).toBe(language);
});

const { duration, brief, number } = formatsOf("en");
const now = new Date(2026, 10, 29, 14, 0, 0).getTime();
const minute = 60_000;

test.each([
  [0, "0 ms"],
  [349.6, "350 ms"],
  [999.4, "999 ms"],
  [2_350, "2.4 s"],
  [185_000, "3 min 5 s"],
  [59_999, "60 s"],
])("%i ms are %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("times are said as people say them", () => {
  expect(brief(now - 5 * minute, now)).toBe("5 min ago");
  expect(brief(now + 5 * minute, now)).toBe("now");
  expect(brief(now - 3 * 60 * minute, now)).toBe("11:00");
  expect(brief(now - 2 * 24 * 60 * minute, now)).toBe("Fri");
  expect(brief(now - 40 * 24 * 60 * minute, now)).toBe("20 Oct");
  expect(brief(now - 400 * 24 * 60 * minute, now)).toBe("25 Oct 2025");
});

test("numbers and times are the language's own", () => {
  expect(number(1234.5)).toBe("1,234.5");
  expect(formatsOf("de").number(1234.5)).toBe("1.234,5");
  expect(duration(59 * 60_000)).toBe("59 min 0 s");
  expect(duration(30 * 24 * 3_600_000)).toBe("720 h 0 min");
  expect(formatsOf("de").duration(2_350)).toBe("2,4 s");
});

test("why the server ended the embedded chat is not said in English among German words", () => {
  expect(embedDe.ended("The token is not valid.")).not.toContain("The token");
});
