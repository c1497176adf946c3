import type { EmbedWords } from "./embed.en.ts";

export const embedDe: EmbedWords = {
  label: "Chat",
  open: "Chat öffnen",
  openUnread: (count) => (count === 1 ? "Chat öffnen, 1 neue Antwort" : `Chat öffnen, ${count} neue Antworten`),
  close: "Chat schließen",
  larger: "Größer",
  smaller: "Kleiner",
  fresh: "Neues Gespräch",
  loading: "Der Chat wird geladen …",
  notLoaded:
    "Der Chat konnte nicht geladen werden. Bitte prüfen Sie die Verbindung und versuchen Sie es noch einmal, oder laden Sie die Seite neu.",
  unavailable: "Der Chat ist auf dieser Seite nicht verfügbar.",
  again: "Noch einmal versuchen",
  noToken:
    "Diese Seite hat nicht gesagt, wer Sie sind; der Chat kann so nicht beginnen. Bitte melden Sie sich auf der Seite an und versuchen Sie es noch einmal.",
  // The reason is the server's, in English.
  ended: () =>
    "Der Server hat den Chat beendet. Bitte melden Sie sich auf der Seite neu an und versuchen Sie es noch einmal.",
};
