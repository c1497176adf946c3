/** What a message says beside its own text. */
export const messageEn = {
  you: "You",
};

export type MessageWords = typeof messageEn;
