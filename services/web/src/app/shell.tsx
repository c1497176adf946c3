import { useConversation, useTitle } from "@parley/react";
import { useEffect, useEffectEvent, useMemo, useSyncExternalStore, type ReactNode } from "react";
import type { ConversationEntry } from "../api/answers.ts";
import { ConversationPage } from "../chat/conversation-page.tsx";
import { createDraftsOf, DraftsOf } from "../chat/kept-texts.ts";
import type { Identity } from "../identity/identity.ts";
import { createSeenStore, type SeenStore } from "../list/seen.ts";
import { useConversations } from "../list/use-conversations.ts";
import { browserStorage } from "../settings/text-store.ts";
import { Icon } from "../ui/icon.tsx";
import { Modal } from "../ui/modal.tsx";
import { useWords } from "../words/use-words.ts";
import { ConnectWanted } from "./connect-wanted.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { gathered } from "./gathered.ts";
import { approvalsPage, operatorPage, peoplePanel } from "./later-parts.ts";
import { JoinPage } from "./join-page.tsx";
import { Link } from "./link.tsx";
import type { Navigation, Route } from "./navigation.ts";
import { PaneBoundary } from "./pane-boundary.tsx";
import type { Session } from "./sessions.ts";
import { Sidebar } from "./sidebar.tsx";
import { SimulatedNote } from "./simulated-note.tsx";
import { UnknownPage } from "./unknown-page.tsx";
import { useOthersApprovals, type Approvals } from "./use-approvals.ts";
import { useNoticesHere } from "./use-notices-here.ts";
import { useSearchKey } from "./use-search-key.ts";
import { useSidebar, type SidebarState } from "./use-sidebar.ts";

export interface ShellProps {
  readonly session: Session;
  readonly identity: Identity;
  readonly navigation: Navigation;
  readonly renew: () => void;
}

/** The page of somebody who is signed in: the sidebar, and the pane beside it. */
export function Shell(props: ShellProps) {
  const { session, navigation, renew } = props;
  const { app } = useWords();
  useNoticesHere(session, navigation);
  const route = useSyncExternalStore(navigation.subscribe, navigation.read, navigation.read);
  const currentId = route.name === "conversation" ? route.id : undefined;
  const userId = session.me.user.id;
  const { seen, drafts } = useMemo(() => ({ seen: seenBy(userId), drafts: createDraftsOf(userId) }), [userId]);
  const conversations = useConversations(seen, currentId);
  const approvals = useOthersApprovals(session.me.approves);
  const sidebar = useSidebar();
  const searchField = useSearchKey(sidebar.open);
  const content = (
    <PaneBoundary place="sidebar">
      <Sidebar
        {...props}
        {...{ route, conversations, approvals, searchField }}
        onClose={sidebar.close}
        onGone={sidebar.leave}
      />
    </PaneBoundary>
  );
  return (
    <div className="app-shell">
      <a className="app-skip" href="#conversation">
        {app.skipToConversation}
      </a>
      {sidebar.isOpen && !sidebar.isNarrow && <aside className="app-aside">{content}</aside>}
      {sidebar.isOpen && sidebar.isNarrow && (
        <Modal className="app-drawer" label={app.list.name} onClose={sidebar.close}>
          {content}
        </Modal>
      )}
      <ConnectWanted userId={userId} />
      <main id="conversation" className="app-main" tabIndex={-1}>
        <ConnectionBanner renew={renew} />
        <PaneBoundary place={placeOf(route)}>
          <DraftsOf value={drafts}>
            <Pane
              {...{ route, navigation, sidebar, approvals, userId }}
              beginning={conversations.items.find(({ conversation_id }) => conversation_id === currentId)?.title}
              unread={unreadIn(conversations.items, currentId)}
              onChange={conversations.refresh}
            />
          </DraftsOf>
        </PaneBoundary>
      </main>
    </div>
  );
}

/** Messages of others in the rooms that are not open. */
function unreadIn(items: readonly ConversationEntry[], currentId: string | undefined): number {
  return items.reduce((sum, { conversation_id: id, unread = 0 }) => sum + (id === currentId ? 0 : unread), 0);
}

function seenBy(userId: string): SeenStore {
  return createSeenStore({ userId, storage: browserStorage("localStorage"), tabs: globalThis });
}

function placeOf(route: Route): string {
  return "id" in route ? route.id : route.name;
}

interface PaneProps {
  readonly route: Route;
  readonly navigation: Navigation;
  readonly sidebar: SidebarState;
  readonly approvals: Approvals;
  readonly userId: string;
  /** By which the list knows the conversation that has no title. */
  readonly beginning: string | undefined;
  readonly unread: number;
  /** Something that the list tells of has changed. */
  readonly onChange: () => void;
}

function Pane({ route, navigation, sidebar, approvals, userId, beginning, unread, onChange }: PaneProps) {
  const start = sidebar.isOpen && !sidebar.isNarrow ? null : <HeaderStart sidebar={sidebar} go={navigation.go} />;
  switch (route.name) {
    case "new":
    case "conversation":
      return (
        <>
          <Follower key={route.id} id={route.id} beginning={beginning ?? ""} unread={unread} onChange={onChange} />
          <ConversationPage
            conversationId={route.id}
            turnId={route.name === "conversation" ? route.turn : undefined}
            userId={userId}
            peoplePanel={peoplePanel.Part}
            onGivenBack={() => navigation.go("/operator")}
            beginning={beginning}
            onStarted={route.name === "new" ? navigation.begun : undefined}
            onNew={() => navigation.go("/")}
            onLeft={() => {
              onChange();
              navigation.go("/");
            }}
            headerStart={start}
            headerEnd={<SimulatedNote />}
          />
        </>
      );
    case "join":
      return (
        <JoinPage key={route.token} token={route.token} go={navigation.go} onJoined={onChange} headerStart={start} />
      );
    case "approvals":
      return <approvalsPage.Part approvals={approvals} headerStart={start} />;
    case "operator":
      return <operatorPage.Part userId={userId} go={navigation.go} headerStart={start} />;
    case "unknown":
      return <UnknownPage headerStart={start} go={navigation.go} />;
  }
}

interface HeaderStartProps {
  readonly sidebar: SidebarState;
  readonly go: (path: string) => void;
}

function HeaderStart({ sidebar, go }: HeaderStartProps): ReactNode {
  const { app } = useWords();
  return (
    <span className="app-header-start">
      <button
        type="button"
        className="ui-icon-button"
        aria-label={app.openSidebar}
        title={app.openSidebar}
        aria-expanded={sidebar.isOpen}
        onClick={sidebar.open}
      >
        <Icon name="sidebar" />
      </button>
      <Link className="ui-icon-button" name={app.newConversation} path="/" go={go}>
        <Icon name="compose" />
      </Link>
    </span>
  );
}

interface FollowerProps {
  readonly id: string;
  /** Stands for a title. Empty: it is not known. */
  readonly beginning: string;
  /** In other conversations. */
  readonly unread: number;
  readonly onChange: () => void;
}

/** What happens in the conversation that is open is news for the list, and for the title of the page. */
function Follower({ id, beginning, unread, onChange }: FollowerProps) {
  const { app } = useWords();
  const conversation = useConversation(id);
  const title = useTitle(conversation) ?? beginning;
  const tell = useEffectEvent(onChange);
  useEffect(() => {
    const count = unread === 0 ? "" : `(${unread}) `;
    document.title = `${count}${title === "" ? app.productName : `${title} · ${app.productName}`}`;
  }, [title, unread, app.productName]);
  useEffect(() => {
    const news = gathered(() => tell(), noteMs);
    const stop = conversation.on("frame", ({ type }) => {
      if (newsForList.has(type)) news.note();
    });
    return () => {
      stop();
      news.stop();
    };
  }, [conversation]);
  return null;
}

const newsForList: ReadonlySet<string> = new Set([
  ...["post", "member", "accepted", "title", "message", "snapshot", "waiting"],
  ...["approval_required", "approval_decided", "complete", "cancelled", "error"],
]);
/** The server writes down what it has just told. */
const noteMs = 400;
