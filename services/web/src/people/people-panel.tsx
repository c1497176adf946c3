import type { Member, PresenceFrame, Room } from "@parley/protocol/fold";
import { useId, useState } from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Modal } from "../ui/modal.tsx";
import { useWords } from "../words/use-words.ts";
import { InviteSection } from "./invite-section.tsx";
import { MemberEntry, type Deed } from "./member-entry.tsx";
import { RuleSection } from "./rule-section.tsx";
import { usePeople, type People } from "./use-people.ts";

export interface PeoplePanelProps {
  readonly conversationId: string;
  readonly room: Room | undefined;
  readonly presence: Pick<PresenceFrame, "users" | "online" | "agents"> | undefined;
  readonly viewerId: string;
  readonly isOwner: boolean;
  readonly onClose: () => void;
  /** The conversation is not the viewer's any more. */
  readonly onLeft: () => void;
}

/** Who has a part in the conversation, and what its owner can do about it. */
export function PeoplePanel(props: PeoplePanelProps) {
  const { conversationId, room, presence, isOwner, onClose } = props;
  const { room: words, app } = useWords();
  const sentence = useErrorSentence();
  const titleId = useId();
  const people = usePeople(conversationId, room?.n ?? 0);
  return (
    <Modal className="people-panel" labelledBy={titleId} onClose={onClose}>
      <header className="people-panel-head">
        <h2 id={titleId} className="ui-dialog-title">
          {words.people}
        </h2>
        <button type="button" className="ui-icon-button" aria-label={app.close} title={app.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {people.problem === undefined ? null : (
        <p className="ui-error" role="alert">
          {words.failed(sentence(people.problem))}
        </p>
      )}
      {people.members === undefined && people.problem === undefined && <p className="ui-note">{app.loading}</p>}
      <Members {...props} people={people} />
      {isOwner && <InviteSection conversationId={conversationId} people={people} />}
      {room === undefined ? null : (
        <RuleSection conversationId={conversationId} room={room} isOwner={isOwner} people={people} />
      )}
      <Agents agents={presence?.agents ?? []} />
    </Modal>
  );
}

function Members({ people, ...props }: PeoplePanelProps & { readonly people: People }) {
  const { room: words } = useWords();
  const api = useApi();
  const { conversationId, presence, viewerId, isOwner, room } = props;
  const [deed, setDeed] = useState<Deed>();
  const here = new Set(presence?.users.map(({ id }) => id));
  // What the frames know is there at once.
  const members = people.members ?? room?.members ?? [];
  const isMember = members.some(({ id }) => id === viewerId);
  return (
    <section aria-label={words.people}>
      <ul className="people-members">
        {members.map((member) => (
          <MemberEntry
            key={member.id}
            member={member}
            isHere={here.has(member.id)}
            isViewer={member.id === viewerId}
            mayChange={isOwner && member.id !== viewerId && member.role !== "owner"}
            onDo={setDeed}
            onRole={(role) => void people.act(api.setMemberRole(conversationId, member.id, role))}
          />
        ))}
      </ul>
      {isMember && !isOwner && (
        <button type="button" className="ui-button ui-button-small" onClick={() => setDeed({ kind: "leave" })}>
          <Icon name="signOut" />
          {words.leave}
        </button>
      )}
      {isOwner && members.length > 1 && <p className="ui-note">{words.ownerStays}</p>}
      {deed === undefined ? null : (
        <Confirmed deed={deed} {...props} people={people} onDone={() => setDeed(undefined)} />
      )}
    </section>
  );
}

interface ConfirmedProps extends PeoplePanelProps {
  readonly deed: Deed;
  readonly people: People;
  readonly onDone: () => void;
}

/** What cannot be taken back easily is asked once. */
function Confirmed({ deed, people, conversationId, viewerId, onDone, onLeft }: ConfirmedProps) {
  const { room: words, app } = useWords();
  const api = useApi();
  const [isBusy, setBusy] = useState(false);
  const { title, text, name } = wordsOf(deed, words);
  const confirm = async () => {
    setBusy(true);
    const who = deed.kind === "leave" ? viewerId : deed.member.id;
    const work =
      deed.kind === "owner" ? api.setMemberRole(conversationId, who, "owner") : api.removeMember(conversationId, who);
    if (deed.kind !== "leave") await people.act(work);
    else if (await succeeds(work, people)) return onLeft();
    onDone();
  };
  return (
    <Dialog
      title={title}
      onClose={isBusy ? undefined : onDone}
      actions={
        <>
          <button type="button" className="ui-button" autoFocus disabled={isBusy} onClick={onDone}>
            {app.cancel}
          </button>
          <button type="button" className="ui-button ui-button-danger" disabled={isBusy} onClick={() => void confirm()}>
            {name}
          </button>
        </>
      }
    >
      <p>{text}</p>
    </Dialog>
  );
}

/** Nobody who has left may ask for the members again. */
async function succeeds(work: Promise<unknown>, people: People): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    await people.act(Promise.reject(thrown));
    return false;
  }
}

function wordsOf(deed: Deed, words: ReturnType<typeof useWords>["room"]) {
  if (deed.kind === "leave") return { title: words.leaveTitle, text: words.leaveText, name: words.leaveDo };
  const who = nameOf(deed.member);
  return deed.kind === "owner"
    ? { title: words.makeOwnerTitle(who), text: words.makeOwnerText, name: words.makeOwnerDo }
    : { title: words.removeTitle(who), text: words.removeText, name: words.remove };
}

function nameOf({ id, name }: Member): string {
  return name ?? id;
}

function Agents({ agents }: { readonly agents: PresenceFrame["agents"] }) {
  const { room: words } = useWords();
  if (agents.length === 0) return null;
  const states = new Map<string, string>(Object.entries(words.agentStates));
  return (
    <section className="people-section">
      <h3 className="people-section-title">{words.agents}</h3>
      <ul className="people-members">
        {agents.map(({ name, state }) => (
          <li key={name} className="people-member">
            <span className="ui-avatar people-agent" aria-hidden="true">
              <Icon name="agent" />
            </span>
            <span className="people-member-name">{name}</span>
            <span className="ui-note">{states.get(state) ?? ""}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
