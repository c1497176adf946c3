// Shows notices of what happened while nobody looked (docs/notices.md), and leads to where that was. It keeps nothing, and answers no request of the page.
const words = {
  en: {
    mention: (by) => `${by} mentioned you.`,
    reply: (by) => `${by} replied to you.`,
    message: (by) => `${by} wrote.`,
    waiting: () => "An agent waits for your approval.",
    other: () => "There is something new for you.",
    somebody: "Somebody",
  },
  de: {
    mention: (by) => `${by} hat Sie erwähnt.`,
    reply: (by) => `${by} hat Ihnen geantwortet.`,
    message: (by) => `${by} hat geschrieben.`,
    waiting: () => "Ein Agent wartet auf Ihre Zustimmung.",
    other: () => "Es gibt etwas Neues für Sie.",
    somebody: "Jemand",
  },
};
const kinds = ["mention", "reply", "message", "waiting"];
const conversation = /^[A-Za-z0-9_-]{1,128}$/;

const textOf = (value) => (typeof value === "string" && value !== "" ? value : undefined);

// The browser wants something to be shown for each message, also for one that is not understood.
function noticeIn(data) {
  try {
    const value = data?.json();
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

async function show(data) {
  const { id, type, conversation_id: in_, title, by, text, language } = noticeIn(data);
  const path = conversation.test(in_) ? `/c/${in_}` : "/";
  if (path !== "/" && (await isLookedAt(path))) return;
  const said = words[language] ?? words.en;
  const sentence = said[kinds.includes(type) ? type : "other"](textOf(by) ?? said.somebody);
  await registration.showNotification(textOf(title) ?? "Parley", {
    body: textOf(text) === undefined ? sentence : `${sentence}\n${text}`,
    // One that comes twice is shown once.
    tag: textOf(id) ?? "parley",
    icon: "/icon.svg",
    lang: language === "de" ? "de" : "en",
    data: { path },
  });
}

async function isLookedAt(path) {
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.some(
    ({ url, visibilityState, focused }) => visibilityState === "visible" && focused && new URL(url).pathname === path,
  );
}

async function lead(path) {
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  // Not the test page, nor somebody else's chat in a frame.
  const page = pages.find(({ url, frameType }) => frameType !== "nested" && !new URL(url).pathname.startsWith("/ws/"));
  if (page === undefined) return clients.openWindow(path);
  // A page of our own: workers have no others.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  page.postMessage({ type: "open", path });
  return page.focus();
}

addEventListener("push", (event) => event.waitUntil(show(event.data)));
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data?.path ?? "/"));
});
// The next version takes over as soon as it is there: there is nothing that it could take away.
addEventListener("install", () => void skipWaiting());
