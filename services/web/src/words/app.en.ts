const noCodes: Readonly<Record<string, string>> = {};

/** What the page around a conversation says: list, settings, identity, connection. */
export const appEn = {
  productName: "Parley",
  newConversation: "New conversation",
  untitled: "New conversation",
  openSidebar: "Show conversations",
  closeSidebar: "Hide conversations",
  skipToConversation: "Skip to the conversation",
  loading: "Loading…",
  tryAgain: "Try again",
  cancel: "Cancel",
  close: "Close",
  save: "Save",

  list: {
    name: "Conversations",
    search: "Search conversations",
    searchKey: "Ctrl+K",
    clearSearch: "Clear the search",
    today: "Today",
    yesterday: "Yesterday",
    week: "Previous 7 days",
    older: "Older",
    empty: "No conversations yet. What you ask is kept here.",
    nothingFound: (query: string) =>
      `Nothing found for “${query}”. Titles and beginnings of conversations are searched.`,
    found: (count: number) => (count === 1 ? "1 conversation found" : `${count} conversations found`),
    failed: "Your conversations could not be loaded.",
    more: "Show more",
    moreFor: (title: string) => `More for ${title}`,
    unread: "New messages",
    running: "An answer is being written",
    waiting: "Waits for a person",
    rename: "Rename",
    renameName: (title: string) => `New title for ${title}`,
    renameFailed: (why: string) => `The title was not changed: ${why}`,
    delete: "Delete",
    deleteTitle: "Delete this conversation?",
    deleteText: (title: string) =>
      `“${title}” is deleted for good, with all its messages, on all your devices. An answer that is being written is stopped.`,
    deleteFailed: (why: string) => `It was not deleted: ${why}`,
    deleting: "Deleting…",
  },

  connection: {
    name: "Connection",
    connecting: "Connecting…",
    retryIn: (seconds: number) =>
      seconds <= 0 ? "The connection was lost. Trying again…" : `The connection was lost. Next try in ${seconds} s.`,
    offline: "You are offline. What you write is kept, and sent when the network is back.",
    closed: "The server has ended this connection and does not take it back as it is.",
    tooMany: "You have too many pages open here. Close some of them, then try again.",
    blocked: "The server accepts nothing from you at the moment.",
    tryNow: "Try now",
  },

  signIn: {
    title: "Sign in",
    lead: "A place to talk with the agents of your organisation.",
    button: "Sign in",
    again: "Sign in again",
    signedOut: "You have signed out.",
    expired: "Your sign-in has ended. Sign in again to go on: nothing you have written is lost.",
    refused: "The server did not accept this sign-in.",
    developmentTitle: "Development sign-in",
    developmentNote: "This server lets in whoever gives a name. It is for development only.",
    nameLabel: "Your name",
    nameButton: "Continue",
    nameNeeded: "Give a name first.",
    tokenTitle: "Access token",
    tokenNote: "This server needs a token. It is kept in this tab only and forgotten when you close it.",
    tokenOther: "Use an access token instead",
    tokenLabel: "Token",
    tokenButton: "Use this token",
    tokenNeeded: "Paste a token first.",
    unreachable: "The server cannot be reached.",
    unreachableNote: "Check your network. The page tries again by itself.",
  },

  user: {
    menu: (name: string) => `Account of ${name}`,
    development: "Development sign-in",
    token: "Signed in with a token",
    session: "Signed in",
    signOut: "Sign out",
    signOutFailed: (why: string) => `You are still signed in: ${why}`,
    sessions: "Where you are signed in",
    settings: "Settings",
  },

  sessions: {
    title: "Where you are signed in",
    current: "This browser",
    lastSeen: (when: string) => `Last active ${when}`,
    since: (when: string) => `Signed in on ${when}`,
    end: "End",
    endName: (device: string) => `End the sign-in of ${device}`,
    endAll: "Sign out everywhere",
    endAllNote: "Ends all your sign-ins, this one too, and refuses all tokens that were made before.",
    failed: "Your sign-ins could not be loaded.",
    endFailed: (why: string) => `It was not ended: ${why}`,
    unknownDevice: "Unknown device",
    device: (browser: string, system: string) => `${browser} on ${system}`,
  },

  settings: {
    title: "Settings",
    theme: "Theme",
    system: "System",
    light: "Light",
    dark: "Dark",
    language: "Language",
    writing: "Writing",
    sendWithEnter: "Send with Enter",
    sendWithEnterOn: "Enter sends, Shift+Enter begins a new line.",
    sendWithEnterOff: "Enter begins a new line, Ctrl+Enter or ⌘+Enter sends.",
    motion: "Motion",
    motionReduced: "Your system asks for reduced motion, and this page follows it.",
    motionFull: "This page follows your system: if you reduce motion there, it moves less here.",
  },

  approvals: {
    name: "Waiting for approval",
    count: (count: number) => (count === 1 ? "1 call waits for approval" : `${count} calls wait for approval`),
    lead: "What agents want to do for others, and may only do if you agree.",
    empty: "Nothing waits for your approval.",
    failed: "What waits for approval could not be loaded.",
    forbidden: "You may not approve for others here.",
    forUser: (name: string) => `For ${name}`,
    asked: (when: string) => `asked ${when}`,
    more: "There is more than is shown here: older questions come up as these are decided.",
    gone: "This was decided, or its time is over.",
  },

  simulated: {
    chip: "Simulated",
    model: "The language model is simulated: its answers mean nothing.",
    cluster: "The cluster is simulated: nothing here describes a real system.",
    both: "The language model and the cluster are simulated: nothing here describes a real system.",
  },

  failure: {
    title: "Something in this part of the page has failed.",
    text: "Your conversations are safe on the server. Load the page again to go on.",
    reload: "Load again",
    partTitle: "This part of the page could not be loaded",
    partText:
      "There may be no connection, or Parley was renewed after you opened this page: then loading the page again helps. What you have written stays.",
    notFoundTitle: "There is no such page",
    notFoundText: "The address may have been mistyped.",
    home: "Begin a new conversation",
  },

  api: {
    offline: "You are offline.",
    unreachable: "The server cannot be reached.",
    timeout: "The server took too long to answer.",
    unreadable: "The server answered something that this page does not understand. Loading it again may help.",
  },

  /** Instead of the server's English sentences, by the code of the error; what is not here is told in the server's own words. */
  codes: noCodes,
};

export type AppWords = typeof appEn;
