import { memo, useEffect, useRef, useState, type MouseEvent } from "react";
import type { ConversationEntry } from "../api/answers.ts";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";
import { RenameField } from "./rename-field.tsx";

interface EntryProps {
  readonly entry: ConversationEntry;
  readonly href: string;
  readonly nowMs: number;
  readonly isCurrent: boolean;
  readonly isUnread: boolean;
  /** The one that Tab leads to; arrows lead to the others. */
  readonly isTabStop: boolean;
  readonly onOpen: (id: string) => void;
  readonly onFocus: (id: string) => void;
  readonly onRename: (entry: ConversationEntry, title: string) => Promise<void>;
  readonly onDelete: (entry: ConversationEntry) => void;
}

export const Entry = memo(function Entry(props: EntryProps) {
  const { entry, isCurrent, isTabStop, onFocus, onRename, onDelete } = props;
  const { app } = useWords();
  const [isRenaming, setRenaming] = useState(false);
  const link = useRef<HTMLAnchorElement>(null);
  /** Who left the field by a key goes on from here. */
  const mustFocus = useRef(false);
  useEffect(() => {
    if (!isRenaming && mustFocus.current) link.current?.focus();
    mustFocus.current = false;
  }, [isRenaming]);
  const title = entry.title === "" ? app.untitled : entry.title;

  if (isRenaming) {
    return (
      <li className="list-entry">
        <RenameField
          title={title}
          rename={(text) => onRename(entry, text)}
          onDone={(byKey) => {
            mustFocus.current = byKey;
            setRenaming(false);
          }}
        />
      </li>
    );
  }
  return (
    <li className="list-entry" data-current={isCurrent} onFocus={() => onFocus(entry.conversation_id)}>
      <EntryLink {...props} title={title} place={link} startRenaming={() => setRenaming(true)} />
      <Menu
        label={app.list.moreFor(title)}
        className="ui-icon-button list-more"
        tabIndex={isTabStop ? 0 : -1}
        items={[
          { name: app.list.rename, icon: "edit", onChoose: () => setRenaming(true) },
          { name: app.list.delete, icon: "trash", isDangerous: true, onChoose: () => onDelete(entry) },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </li>
  );
});

interface EntryLinkProps extends EntryProps {
  readonly title: string;
  readonly place: React.RefObject<HTMLAnchorElement | null>;
  readonly startRenaming: () => void;
}

function EntryLink({ entry, title, place, startRenaming, ...props }: EntryLinkProps) {
  const { formats } = useWords();
  const { nowMs, isCurrent, isUnread } = props;
  const open = (event: MouseEvent): void => {
    // Another tab or window is the browser's.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    props.onOpen(entry.conversation_id);
  };
  return (
    <a
      ref={place}
      className="list-link"
      href={props.href}
      title={title}
      tabIndex={props.isTabStop ? 0 : -1}
      {...(isCurrent ? { "aria-current": "page" } : {})}
      data-unread={isUnread}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key === "F2") startRenaming();
        if (event.key === "Delete") props.onDelete(entry);
      }}
    >
      <span className="list-title" dir="auto">
        {title}
      </span>
      <EntryState entry={entry} isUnread={isUnread} />
      <time
        className="list-time"
        dateTime={new Date(entry.updated_at).toISOString()}
        title={formats.full(entry.updated_at)}
      >
        {formats.brief(entry.updated_at, nowMs)}
      </time>
    </a>
  );
}

function EntryState({ entry, isUnread }: Pick<EntryProps, "entry" | "isUnread">) {
  const { list } = useWords().app;
  return (
    <>
      {entry.status === "running" && <span className="ui-spinner list-running" role="img" aria-label={list.running} />}
      {entry.status === "waiting" && (
        <span className="list-waiting" role="img" aria-label={list.waiting}>
          <Icon name="hand" />
        </span>
      )}
      <Unread count={isUnread ? entry.unread : undefined} isUnread={isUnread} />
    </>
  );
}

/** How many, where the server counts them; elsewhere that there are some. */
function Unread({ count, isUnread }: { readonly count: number | undefined; readonly isUnread: boolean }) {
  const { app, room } = useWords();
  if (!isUnread) return null;
  if (count === undefined) return <span className="list-unread" role="img" aria-label={app.list.unread} />;
  const name = room.unread(count);
  return (
    <span className="list-unread-count" role="img" aria-label={name} title={name}>
      {count > 98 ? "99+" : count}
    </span>
  );
}
