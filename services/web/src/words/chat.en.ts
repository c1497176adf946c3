/** What the conversation pane says. */
export const chatEn = {
  messages: "Messages",
};

export type ChatWords = typeof chatEn;
