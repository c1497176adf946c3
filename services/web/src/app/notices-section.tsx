import { useCallback, useEffect, useId, useState } from "react";
import { noticeWants, type NoticeChoice, type NoticeDevice } from "../api/notice-calls.ts";
import { useApi } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { beginNotices, endNotices, noticesState, ownDeviceId, type NoticesState } from "./notices-here.ts";
import { SettingsGroup } from "./settings-group.tsx";

/** What the person is told when they are away, everywhere, and whether in this browser. Nothing at all where nobody is told anything. */
export function NoticesSection({ userId }: { readonly userId: string }) {
  const { notices: words } = useWords().app;
  const name = useId();
  const { choice, here, ownId, problem, attempt } = useNotices(userId);
  const api = useApi();
  if (choice === undefined && problem === undefined) return null;
  return (
    <SettingsGroup words={words} problem={problem}>
      {choice !== undefined && (
        <div role="radiogroup" aria-label={words.title} className="app-settings-choices">
          {noticeWants.map((wants) => (
            <label key={wants} className="app-settings-choice">
              <input
                type="radio"
                name={name}
                checked={choice.wants === wants}
                onChange={() => attempt(() => api.wantNotices(wants))}
              />
              {words.wants[wants]}
            </label>
          ))}
        </div>
      )}
      {choice?.pushKey !== undefined && <Here userId={userId} pushKey={choice.pushKey} here={here} attempt={attempt} />}
      <ul className="app-sign-ins">
        {choice?.devices.map((device) => (
          <Device
            key={device.id}
            device={device}
            isOwn={device.id === ownId}
            onRemove={() => attempt(() => (device.id === ownId ? endNotices(api) : api.removeNoticeDevice(device.id)))}
          />
        ))}
      </ul>
    </SettingsGroup>
  );
}

interface HereProps {
  readonly userId: string;
  readonly pushKey: string;
  readonly here: NoticesState;
  readonly attempt: (act: () => Promise<unknown>) => void;
}

/** A browser asks its person only where they have asked for it themselves. */
function Here({ userId, pushKey, here, attempt }: HereProps) {
  const { app, language } = useWords();
  const api = useApi();
  const { notices: words } = app;
  if (here === "impossible") return <p className="ui-note">{words.impossible}</p>;
  return (
    <>
      <label className="app-settings-switch">
        <input
          type="checkbox"
          checked={here === "on"}
          disabled={here === "refused"}
          onChange={(event) =>
            attempt(() => (event.target.checked ? beginNotices(api, { userId, pushKey, language }) : endNotices(api)))
          }
        />
        {words.here}
      </label>
      {here === "refused" && <p className="ui-note">{words.refused}</p>}
    </>
  );
}

interface DeviceProps {
  readonly device: NoticeDevice;
  readonly isOwn: boolean;
  readonly onRemove: () => void;
}

function Device({ device: { name, seen_at: seen }, isOwn, onRemove }: DeviceProps) {
  const { app, formats } = useWords();
  const { notices: words, sessions } = app;
  const shown = name ?? sessions.unknownDevice;
  return (
    <li className="app-sign-in-entry">
      <div>
        <p className="app-sign-in-device">
          <span dir="auto">{shown}</span> {isOwn && <span className="ui-chip">{sessions.current}</span>}
        </p>
        <p className="ui-note">{sessions.lastSeen(formats.full(seen))}</p>
      </div>
      <button
        type="button"
        className="ui-button ui-button-small"
        aria-label={words.removeName(shown)}
        onClick={onRemove}
      >
        {words.remove}
      </button>
    </li>
  );
}

function useNotices(userId: string) {
  const api = useApi();
  const [choice, setChoice] = useState<NoticeChoice>();
  const [here, setHere] = useState<NoticesState>("off");
  const [ownId, setOwnId] = useState<string>();
  const [problem, setProblem] = useState<unknown>();
  const load = useCallback(async () => {
    setChoice(await api.notices());
    const state = await noticesState(userId);
    setHere(state);
    setOwnId(state === "on" ? await ownDeviceId() : undefined);
  }, [api, userId]);
  /** What is shown is what is so, also where something did not work. */
  const attempt = useCallback(
    (act: () => Promise<unknown>): void => {
      act()
        .then(() => setProblem(undefined), setProblem)
        .then(load)
        .catch(setProblem);
    },
    [load],
  );
  useEffect(() => {
    void Promise.resolve().then(load).catch(setProblem);
  }, [load]);
  return { choice, here, ownId, problem, attempt };
}
