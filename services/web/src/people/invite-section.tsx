import type { Invite, MemberRole } from "@parley/protocol/fold";
import { useId, useState, type SyntheticEvent } from "react";
import { useApi } from "../api/use-api.ts";
import { CopyButton } from "../text/copy-button.tsx";
import { useWords } from "../words/use-words.ts";
import type { People } from "./use-people.ts";

interface InviteSectionProps {
  readonly conversationId: string;
  readonly people: People;
}

const hourMs = 3_600_000;
/** How long a link can be taken, in hours; the last one is the longest that the server takes. */
const lifetimes = [1, 24, 7 * 24, 30 * 24] as const;
const counts = [1, 10, 50] as const;

/** By account, by a role of the deployment, or by a link; and what can still be taken. */
export function InviteSection({ conversationId, people }: InviteSectionProps) {
  const { room } = useWords();
  const api = useApi();
  const [role, setRole] = useState<MemberRole>("writer");
  const byName = (user_id: string) => people.act(api.addMember(conversationId, { user_id, role }));
  const byRole = (for_role: string) => people.act(api.invite(conversationId, { role, for_role }));
  return (
    <section className="people-section">
      <h3 className="people-section-title">{room.invite}</h3>
      <Select
        label={room.inviteAs}
        value={role}
        options={[
          { value: "writer", title: room.may.writer },
          { value: "reader", title: room.may.reader },
        ]}
        onChange={setRole}
      />
      <ByText title={room.inviteUser} label={room.inviteUserLabel} onAdd={byName} />
      <ByLink conversationId={conversationId} role={role} people={people} />
      <ByText title={room.inviteRole} label={room.inviteRoleLabel} onAdd={byRole} />
      <Invites conversationId={conversationId} people={people} />
    </section>
  );
}

interface SelectProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly title: string }[];
  readonly onChange: (value: Value) => void;
}

function Select<Value extends string>({ label, value, options, onChange }: SelectProps<Value>) {
  return (
    <label className="people-select">
      <span>{label}</span>
      <select
        className="ui-field"
        value={value}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value);
          if (chosen !== undefined) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.title}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ByTextProps {
  readonly title: string;
  readonly label: string;
  readonly onAdd: (text: string) => Promise<boolean>;
}

function ByText({ title, label, onAdd }: ByTextProps) {
  const { room } = useWords();
  const id = useId();
  const [text, setText] = useState("");
  const submit = async (event: SyntheticEvent) => {
    event.preventDefault();
    const given = text.trim();
    if (given !== "" && (await onAdd(given))) setText("");
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label className="ui-label" htmlFor={id}>
        {title}
      </label>
      <div className="people-line">
        <input
          id={id}
          className="ui-field"
          placeholder={label}
          value={text}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="ui-button" disabled={text.trim() === ""}>
          {room.add}
        </button>
      </div>
    </form>
  );
}

function ByLink({ conversationId, role, people }: InviteSectionProps & { readonly role: MemberRole }) {
  const { room } = useWords();
  const api = useApi();
  const [hours, setHours] = useState("24");
  const [uses, setUses] = useState("1");
  const [link, setLink] = useState<string>();
  const make = async () => {
    const limited = uses === "any" ? {} : { uses: Number(uses) };
    const making = api.invite(conversationId, { role, expires_in_ms: Number(hours) * hourMs, ...limited });
    if (!(await people.act(making))) return;
    const token = await making;
    if (token !== undefined) setLink(`${location.origin}/join/${token}`);
  };
  const lasting = (count: number) => (count < 48 && count !== 24 ? room.hours(count) : room.days(count / 24));
  return (
    <fieldset className="people-link">
      <legend className="ui-label">{room.inviteLink}</legend>
      <Select
        label={room.expires}
        value={hours}
        options={lifetimes.map((count) => ({ value: String(count), title: lasting(count) }))}
        onChange={setHours}
      />
      <Select
        label={room.uses}
        value={uses}
        options={[
          ...counts.map((count) => ({ value: String(count), title: room.usesCount(count) })),
          { value: "any", title: room.usesAny },
        ]}
        onChange={setUses}
      />
      <button type="button" className="ui-button" onClick={() => void make()}>
        {room.createLink}
      </button>
      {link === undefined ? null : <MadeLink link={link} />}
    </fieldset>
  );
}

function MadeLink({ link }: { readonly link: string }) {
  const { room } = useWords();
  return (
    <div role="status">
      <div className="people-line">
        <input
          className="ui-field"
          aria-label={room.link}
          readOnly
          value={link}
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton text={link} name={room.copyLink} />
      </div>
      <p className="ui-note">{room.linkNote}</p>
    </div>
  );
}

function Invites({ conversationId, people }: InviteSectionProps) {
  const { room } = useWords();
  if (people.invites.length === 0) return null;
  return (
    <>
      <h4 className="people-section-title">{room.invites}</h4>
      <ul className="people-members">
        {people.invites.map((invite) => (
          <InviteEntry key={invite.invite_id} conversationId={conversationId} invite={invite} people={people} />
        ))}
      </ul>
    </>
  );
}

function InviteEntry({ conversationId, invite, people }: InviteSectionProps & { readonly invite: Invite }) {
  const { room, formats } = useWords();
  const api = useApi();
  const { invite_id: id, role, for_role: forRole, expires_at: until, uses_left: left } = invite;
  const roles = new Map<string, string>(Object.entries(room.roles));
  const what = forRole === undefined ? room.inviteOfLink : room.inviteOfRole(forRole);
  const terms = [roles.get(role) ?? role, room.until(formats.full(until))];
  if (left !== undefined) terms.push(room.usesLeft(left));
  return (
    <li className="people-member">
      <span className="people-member-name">
        {what}
        <span className="ui-note people-member-while">{terms.join(" · ")}</span>
      </span>
      <button
        type="button"
        className="ui-button ui-button-small"
        aria-label={room.revokeName(`${what}, ${terms.join(", ")}`)}
        onClick={() => void people.act(api.revokeInvite(conversationId, id))}
      >
        {room.revoke}
      </button>
    </li>
  );
}
