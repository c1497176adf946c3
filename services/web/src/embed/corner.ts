import type { EmbedWords } from "../words/embed.en.ts";

/** The button in the corner and the window that it opens: all that a page has of the chat until somebody wants it. */
export interface Corner {
  /** Where the chat is shown. */
  readonly body: HTMLElement;
  readonly show: () => void;
  readonly hide: () => void;
  readonly isShown: () => boolean;
  readonly update: (state: CornerState) => void;
}

export interface CornerState {
  readonly words: EmbedWords;
  readonly label: string;
  readonly unread: number;
}

interface CornerDeps {
  /** A person wants it open, or closed. */
  readonly onWanted: (isOpen: boolean) => void;
  readonly onFresh: () => void;
  /** Somebody is about to open it, perhaps. */
  readonly onNear: () => void;
}

/** Strokes on a grid of 24. */
const icons = {
  chat: "M4 5h16v11H9l-5 4z",
  close: "m6 6 12 12M18 6 6 18",
  larger: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  smaller: "M20 10h-6V4M14 10l7-7M4 14h6v6M10 14l-7 7",
  fresh: "M12 5v14M5 12h14",
} as const;

/** A page as narrow as a phone has no room beside the window. */
const phone = "(max-width: 32rem)";
const shownAtMost = 9;

export function createCorner(root: ShadowRoot, deps: CornerDeps): Corner {
  const opener = createOpener(deps);
  const shown = createWindow(deps);
  const { dialog, body } = shown;
  // What the page says of all elements reaches the host of the root, and from there whatever inherits: not past this one.
  const all = element("div", "embed-all");
  all.append(opener.button, dialog);
  root.replaceChildren(all);
  return {
    body,
    show() {
      if (dialog.open) return;
      if (matchMedia(phone).matches) dialog.showModal();
      else dialog.show();
      opener.button.hidden = true;
    },
    hide() {
      opener.button.hidden = false;
      const hadFocus = root.activeElement !== null;
      dialog.close();
      if (hadFocus) opener.button.focus();
    },
    isShown: () => dialog.open,
    update(state) {
      opener.update(state);
      shown.update(state);
    },
  };
}

function createOpener({ onWanted, onNear }: CornerDeps) {
  const opener = button("embed-opener", icons.chat, () => onWanted(true));
  opener.part.add("button");
  opener.setAttribute("aria-haspopup", "dialog");
  for (const near of ["pointerenter", "focus"]) opener.addEventListener(near, onNear);
  const badge = element("span", "embed-badge");
  // The name of the button says it.
  badge.ariaHidden = "true";
  opener.append(badge);
  return {
    button: opener,
    update({ words, unread }: CornerState): void {
      badge.textContent = unread > shownAtMost ? `${shownAtMost}+` : String(unread);
      badge.hidden = unread === 0;
      name(opener, unread === 0 ? words.open : words.openUnread(unread));
    },
  };
}

function createWindow({ onWanted, onFresh }: CornerDeps) {
  const dialog = element("dialog", "embed-window");
  dialog.part.add("window");
  const title = element("h2", "embed-title");
  const fresh = button("embed-action", icons.fresh, onFresh);
  const size = createSizeButton(dialog);
  const closer = button("embed-action", icons.close, () => onWanted(false));
  const header = element("header", "embed-header");
  header.part.add("header");
  header.append(title, fresh, size.button, closer);
  const body = element("div", "embed-body");
  dialog.append(header, body);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isForWindow(event, dialog)) onWanted(false);
  });
  // As a phone's back gesture does to what fills the screen; the attribute of the element has the last word.
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    onWanted(false);
  });
  return {
    ...{ dialog, body },
    update({ words, label }: CornerState): void {
      title.textContent = label;
      dialog.ariaLabel = label;
      name(fresh, words.fresh);
      name(closer, words.close);
      size.update(words);
    },
  };
}

/** Makes the window larger, and smaller again. */
function createSizeButton(dialog: HTMLDialogElement) {
  const isLarge = (): boolean => dialog.hasAttribute("data-large");
  let said: EmbedWords | undefined;
  const update = (words: EmbedWords): void => {
    said = words;
    name(size, isLarge() ? words.smaller : words.larger);
    size.querySelector("path")?.setAttribute("d", isLarge() ? icons.smaller : icons.larger);
  };
  const size = button("embed-action embed-size", icons.larger, () => {
    dialog.toggleAttribute("data-large");
    if (said !== undefined) update(said);
  });
  return { button: size, update };
}

/** What is open inside it, or has taken the key for itself, comes first. */
function isForWindow(event: KeyboardEvent, dialog: HTMLDialogElement): boolean {
  const inner = event.target instanceof Element ? event.target.closest("dialog") : dialog;
  return inner === dialog && !event.defaultPrevented && !event.isComposing;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

function button(className: string, icon: string, onPress: () => void): HTMLButtonElement {
  const made = element("button", className);
  made.type = "button";
  made.append(drawing(icon));
  made.addEventListener("click", onPress);
  return made;
}

/** Without `innerHTML`, which pages can forbid. */
function drawing(path: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "embed-icon");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function name(of: HTMLButtonElement, text: string): void {
  of.ariaLabel = text;
  of.title = text;
}
