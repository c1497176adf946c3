import { loadHighlighter } from "../text/highlighting.ts";
import { loadMarkdown } from "../text/markdown.tsx";
import { loadWords } from "../words/use-words.ts";
import type { ApprovalsPageProps } from "./approvals-page.tsx";
import type { PeoplePanelProps } from "../people/people-panel.tsx";
import { later } from "./later.tsx";
import type { OperatorPageProps } from "./operator-page.tsx";
import type { SettingsDialogProps } from "./settings-dialog.tsx";
import type { SignInsDialogProps } from "./sign-ins-dialog.tsx";

export const approvalsPage = later<ApprovalsPageProps>(
  async () => (await import("./approvals-page.tsx")).ApprovalsPage,
);
export const operatorPage = later<OperatorPageProps>(async () => (await import("./operator-page.tsx")).OperatorPage);
export const peoplePanel = later<PeoplePanelProps>(
  async () => (await import("../people/people-panel.tsx")).PeoplePanel,
);
export const settingsDialog = later<SettingsDialogProps>(
  async () => (await import("./settings-dialog.tsx")).SettingsDialog,
);
export const signInsDialog = later<SignInsDialogProps>(
  async () => (await import("./sign-ins-dialog.tsx")).SignInsDialog,
);

/** The first paint and the first question have the network for themselves. */
const waitMs = 5_000;

/**
 * Loads what the page may need later, when it has nothing else to do: a page stays open for days, and after an upgrade no server has its files any more. What
 * cannot be had now is asked for again when it is needed.
 */
export function loadLaterParts(): void {
  setTimeout(() => whenIdle(() => void loadAll()), waitMs);
}

function loadAll(): Promise<unknown> {
  const parts = [approvalsPage, operatorPage, peoplePanel, settingsDialog, signInsDialog].map(({ load }) => load());
  return Promise.allSettled([...parts, loadMarkdown(), loadHighlighter(), loadWords("de"), import("diff")]);
}

/** Safari has no idle callbacks. */
function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work);
  else work();
}
