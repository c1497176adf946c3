import type { EmbedWords } from "./embed.en.ts";

export const embedDe: EmbedWords = {
  label: "Chat",
  open: "Chat öffnen",
  openUnread: (count) => (count === 1 ? "Chat öffnen, 1 neue Antwort" : `Chat öffnen, ${count} neue Antworten`),
  close: "Chat schließen",
  larger: "Größer",
  smaller: "Kleiner",
  fresh: "Neue Unterhaltung",
  loading: "Der Chat wird geladen …",
  notLoaded: "Der Chat konnte nicht geladen werden. Bitte die Verbindung prüfen und noch einmal versuchen.",
  again: "Noch einmal versuchen",
  noToken:
    "Diese Seite hat nicht gesagt, wer Sie sind; der Chat kann so nicht beginnen. Bitte an der Seite anmelden und noch einmal versuchen.",
  // The reason is the server's, in English.
  ended: () => "Der Server hat den Chat beendet. Bitte an der Seite neu anmelden und noch einmal versuchen.",
};
