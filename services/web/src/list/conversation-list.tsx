import { useRef, useState, type KeyboardEvent, type Ref } from "react";
import type { ConversationEntry } from "../api/answers.ts";
import { ApiError } from "../api/api-error.ts";
import { useErrorSentence } from "../api/use-api.ts";
import { useNow } from "../ui/use-now.ts";
import { useWords } from "../words/use-words.ts";
import { DeleteDialog } from "./delete-dialog.tsx";
import { Entry } from "./entry.tsx";
import { groupsOf } from "./groups.ts";
import { MessageHits, useMessageHits } from "./message-hits.tsx";
import { SearchField } from "./search-field.tsx";
import type { Conversations } from "./use-conversations.ts";

interface ConversationListProps {
  readonly conversations: Conversations;
  readonly currentId: string | undefined;
  readonly addressOf: (id: string, turn?: string) => string;
  readonly onOpen: (id: string, turn?: string) => void;
  readonly onDeleted: (id: string) => void;
  readonly searchField?: Ref<HTMLInputElement> | undefined;
}

/** The person's conversations: search, groups by day, and what can be done with each. */
export function ConversationList({ searchField, ...props }: ConversationListProps) {
  const { conversations, onDeleted } = props;
  const { list } = useWords().app;
  const nav = useRef<HTMLElement>(null);
  const [doomed, setDoomed] = useState<ConversationEntry>();
  const hits = useMessageHits(conversations.found);
  return (
    <>
      <SearchField
        ref={searchField}
        query={conversations.query}
        onChange={conversations.setQuery}
        onDown={() => nav.current?.querySelector<HTMLElement>(".list-link")?.focus()}
      />
      <nav ref={nav} className="list-nav" aria-label={list.name} aria-busy={conversations.isSearching} onKeyDown={move}>
        <Found conversations={conversations} hits={hits.length} />
        <Entries {...props} onDelete={setDoomed} />
        <Rest conversations={conversations} hasHits={hits.length > 0} />
        <MessageHits hits={hits} addressOf={props.addressOf} onOpen={props.onOpen} />
      </nav>
      {doomed !== undefined && (
        <DeleteDialog
          title={doomed.title}
          remove={async () => {
            await conversations.remove(doomed);
            onDeleted(doomed.conversation_id);
          }}
          onClose={() => setDoomed(undefined)}
        />
      )}
    </>
  );
}

interface FoundProps extends Pick<ConversationListProps, "conversations"> {
  readonly hits: number;
}

/** What was found, for ears: the entries say it to eyes. */
function Found({ conversations: { found, items, status, isSearching }, hits }: FoundProps) {
  const { list } = useWords().app;
  const isTold = found !== "" && status === "ready" && !isSearching;
  const told = [
    ...(items.length > 0 ? [list.found(items.length)] : []),
    ...(hits > 0 ? [list.foundInMessages(hits)] : []),
  ];
  return (
    <p className="ui-hidden" role="status">
      {isTold ? told.join(", ") : ""}
    </p>
  );
}

interface EntriesProps extends ConversationListProps {
  readonly onDelete: (entry: ConversationEntry) => void;
}

function Entries({ conversations, currentId, addressOf, onOpen, onDelete }: EntriesProps) {
  const { list } = useWords().app;
  const nowMs = useNow(tickMs);
  const { items } = conversations;
  const [focused, setFocused] = useState<string>();
  const has = (id: string | undefined): boolean => items.some(({ conversation_id }) => conversation_id === id);
  const tabStop = [focused, currentId].find(has) ?? items[0]?.conversation_id;
  return groupsOf(items, nowMs).map(({ name, items: members }) => (
    <section key={name} className="list-group" aria-label={list[name]}>
      <h2 className="list-day">{list[name]}</h2>
      <ul className="list-entries">
        {members.map((entry) => (
          <Entry
            key={entry.conversation_id}
            entry={entry}
            href={addressOf(entry.conversation_id)}
            nowMs={nowMs}
            isCurrent={entry.conversation_id === currentId}
            isUnread={conversations.isUnread(entry)}
            isTabStop={entry.conversation_id === tabStop}
            onOpen={onOpen}
            onFocus={setFocused}
            onRename={conversations.rename}
            onDelete={onDelete}
          />
        ))}
      </ul>
    </section>
  ));
}

/** What stands below the entries, or in their place. */
function Rest({
  conversations,
  hasHits,
}: Pick<ConversationListProps, "conversations"> & { readonly hasHits: boolean }) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
  const { items, status, error, hasLoaded, found, hasMore, loadMore, reload } = conversations;
  if (status === "loading") return <Skeleton />;
  if (status === "error" && !(hasLoaded && isAway(error))) {
    return (
      <div className="list-message" role="alert">
        <p>
          {app.list.failed} {sentenceOf(error)}
        </p>
        <button type="button" className="ui-button ui-button-small" onClick={reload}>
          {app.tryAgain}
        </button>
      </div>
    );
  }
  if (items.length === 0) {
    if (hasHits) return null;
    return (
      <p className="list-message" role="status">
        {found === "" ? app.list.empty : app.list.nothingFound(found)}
      </p>
    );
  }
  return hasMore ? (
    <button type="button" className="ui-button ui-button-quiet ui-button-small list-show-more" onClick={loadMore}>
      {app.list.more}
    </button>
  ) : null;
}

/** The connection says so already, above the conversation. */
function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "OFFLINE" || error.code === "UNREACHABLE");
}

const skeletonRows = ["70%", "52%", "81%", "64%", "45%"];

function Skeleton() {
  const { app } = useWords();
  return (
    <div className="list-skeleton" role="status" aria-label={app.loading}>
      {skeletonRows.map((width) => (
        <div key={width} className="ui-skeleton list-skeleton-row" style={{ width }} />
      ))}
    </div>
  );
}

/** Arrows lead through the entries, and from the first one back to the search. */
function move(event: KeyboardEvent<HTMLElement>): void {
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>(".list-link")];
  const now = links.findIndex((link) => link.matches(":focus"));
  if (now < 0) return;
  const places = new Map([
    ["ArrowDown", Math.min(now + 1, links.length - 1)],
    ["ArrowUp", now - 1],
    ["Home", 0],
    ["End", links.length - 1],
  ]);
  const next = places.get(event.key);
  if (next === undefined) return;
  event.preventDefault();
  const search = event.currentTarget.parentElement?.querySelector<HTMLElement>(".list-search-field");
  if (next < 0) search?.focus();
  else links[next]?.focus();
}

/** Times are said anew so often. */
const tickMs = 30_000;
