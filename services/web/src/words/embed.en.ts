export const embedEn = {
  label: "Chat",
  open: "Open chat",
  openUnread: (count: number): string => (count === 1 ? "Open chat, 1 new answer" : `Open chat, ${count} new answers`),
  close: "Close chat",
  larger: "Make larger",
  smaller: "Make smaller",
  fresh: "New conversation",
  loading: "The chat is loading …",
  notLoaded: "The chat could not be loaded. Check your connection and try again, or load the page again.",
  unavailable: "The chat is not available on this page.",
  again: "Try again",
  noToken: "This page has not said who you are, so the chat cannot begin. Sign in to the page, then try again.",
  ended: (reason: string): string => `The chat was ended: ${reason}`,
};
export type EmbedWords = typeof embedEn;
