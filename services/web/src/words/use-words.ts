import { createContext, createElement, use, useEffect, useMemo, useState, type ReactNode } from "react";
import { appEn, type AppWords } from "./app.en.ts";
import { chatEn, type ChatWords } from "./chat.en.ts";
import { formatsOf, type Formats } from "./formats.ts";
import type { Language } from "./language.ts";
import { messageEn, type MessageWords } from "./message.en.ts";
import { roomEn, type RoomWords } from "./room.en.ts";

interface Rooms {
  readonly app: AppWords;
  readonly chat: ChatWords;
  readonly message: MessageWords;
  readonly room: RoomWords;
}

export interface Words extends Rooms {
  /** In which language they are: the wanted one as soon as it is loaded, English until then. */
  readonly language: Language;
  readonly formats: Formats;
}

const english: Words = {
  language: "en",
  app: appEn,
  chat: chatEn,
  message: messageEn,
  room: roomEn,
  formats: formatsOf("en"),
};

/** Once it is there, every provider has it at once. */
let german: Rooms | undefined;

const WordsContext = createContext<Words>(english);

/** All that the page says, in the person's language; English where nothing provides another. */
export function useWords(): Words {
  return use(WordsContext);
}

/** Until the wanted language is loaded, and when it cannot be had, the words are English. */
export function WordsProvider({ language, children }: { readonly language: Language; readonly children: ReactNode }) {
  const [rooms, setRooms] = useState(german);
  const isWanted = language === "de";
  useEffect(() => {
    if (!isWanted || rooms !== undefined) return undefined;
    let isGone = false;
    void loadWords("de").then(() => {
      if (!isGone) setRooms(german);
    });
    return () => {
      isGone = true;
    };
  }, [isWanted, rooms]);
  const words = useMemo<Words>(
    () => (isWanted && rooms !== undefined ? { ...rooms, language: "de", formats: formatsOf("de") } : english),
    [isWanted, rooms],
  );
  return createElement(WordsContext, { value: words }, children);
}

/** Resolves when the language is there; also when it cannot be had: the file may belong to an older build, or there is no network. */
export async function loadWords(language: Language): Promise<void> {
  if (language === "en" || german !== undefined) return;
  try {
    ({ german } = await import("./german.ts"));
  } catch {
    // The page goes on in English.
  }
}
