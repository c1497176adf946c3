import type { Ref } from "react";
import type { Identity } from "../identity/identity.ts";
import { ConversationList } from "../list/conversation-list.tsx";
import type { Conversations } from "../list/use-conversations.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { Link } from "./link.tsx";
import { conversationAddress, type Navigation, type Route } from "./navigation.ts";
import type { Session } from "./sessions.ts";
import { SettingsButton } from "./settings-button.tsx";
import type { Approvals } from "./use-approvals.ts";
import { UserMenu } from "./user-menu.tsx";

export interface SidebarProps {
  readonly session: Session;
  readonly identity: Identity;
  readonly navigation: Navigation;
  readonly route: Route;
  readonly conversations: Conversations;
  readonly approvals: Approvals;
  readonly searchField: Ref<HTMLInputElement>;
  readonly onClose: () => void;
  /** Somebody went somewhere: a drawer closes. */
  readonly onGone: () => void;
}

/** What stands beside every conversation: the others, and who is here. */
export function Sidebar(props: SidebarProps) {
  const { session, identity, navigation, route, conversations, approvals, searchField, onClose, onGone } = props;
  const go = (path: string): void => {
    navigation.go(path);
    onGone();
  };
  return (
    <div className="app-sidebar">
      <Top go={go} onClose={onClose} />
      <Desks answers={session.me.answers === true} approvals={approvals} route={route} go={go} />
      <ConversationList
        conversations={conversations}
        currentId={route.name === "conversation" ? route.id : undefined}
        addressOf={conversationAddress}
        searchField={searchField}
        onOpen={(id, turn) => go(conversationAddress(id, turn))}
        onDeleted={(id) => {
          if (route.name === "conversation" && route.id === id) navigation.go("/");
        }}
      />
      <div className="app-sidebar-bottom">
        <UserMenu session={session} identity={identity} />
        <SettingsButton userId={session.me.user.id} />
      </div>
    </div>
  );
}

interface TopProps {
  readonly go: (path: string) => void;
  readonly onClose: () => void;
}

function Top({ go, onClose }: TopProps) {
  const { app } = useWords();
  return (
    <div className="app-sidebar-top">
      <button
        type="button"
        className="ui-icon-button"
        aria-label={app.closeSidebar}
        title={app.closeSidebar}
        onClick={onClose}
      >
        <Icon name="sidebar" />
      </button>
      <span className="app-sidebar-name">{app.productName}</span>
      <Link className="ui-button app-new" path="/" go={go}>
        <Icon name="compose" />
        {app.newConversation}
      </Link>
    </div>
  );
}

interface DesksProps extends Pick<SidebarProps, "approvals" | "route"> {
  /** The person answers in place of agents. */
  readonly answers: boolean;
  readonly go: (path: string) => void;
}

/** The ways to what waits for this person in conversations of others. */
function Desks({ answers, approvals, route, go }: DesksProps) {
  const { app } = useWords();
  return (
    <>
      {approvals.isAllowed && (
        <Link className="app-approvals-link" path="/approvals" isCurrent={route.name === "approvals"} go={go}>
          <Icon name="shield" />
          <span>{app.approvals.name}</span>
          <ApprovalCount count={approvals.items?.length ?? 0} />
        </Link>
      )}
      {answers && (
        <Link className="app-approvals-link" path="/operator" isCurrent={route.name === "operator"} go={go}>
          <Icon name="person" />
          <span>{app.operator.name}</span>
        </Link>
      )}
    </>
  );
}

function ApprovalCount({ count }: { readonly count: number }) {
  const { approvals } = useWords().app;
  return count === 0 ? null : (
    <span className="app-count" role="status">
      <span aria-hidden="true">{count}</span>
      <span className="ui-hidden">{approvals.count(count)}</span>
    </span>
  );
}
