import { useCallback, useEffect, useRef, useState } from "react";
import type { ConnectionEntry } from "../api/answers.ts";
import { useApi } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { SettingsGroup } from "./settings-group.tsx";

/** The accounts of one's own that agents may use at servers of tools. Nothing at all where there is no such server. */
export function ConnectionsSection() {
  const { app } = useWords();
  const { entries, begun, problem, connect, disconnect } = useConnections();
  if (problem === undefined && (entries === undefined || entries.length === 0)) return null;
  const { connections } = app;
  return (
    <SettingsGroup words={connections} problem={problem}>
      <ul className="app-sign-ins">
        {entries?.map((entry) => (
          <Connection
            key={entry.server}
            entry={entry}
            url={begun?.server === entry.server ? begun.url : undefined}
            onConnect={() => connect(entry.server)}
            onDisconnect={() => disconnect(entry.server)}
          />
        ))}
      </ul>
    </SettingsGroup>
  );
}

interface ConnectionProps {
  readonly entry: ConnectionEntry;
  /** Where to go on; undefined: nothing was begun. */
  readonly url: string | undefined;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
}

function Connection({ entry: { server, connected, since }, url, onConnect, onDisconnect }: ConnectionProps) {
  const { app, formats } = useWords();
  const { connections } = app;
  const isSince = connected && since !== undefined;
  return (
    <li className="app-sign-in-entry">
      <div>
        <p className="app-sign-in-device">{server}</p>
        <p className="ui-note">
          {isSince && connections.since(formats.day(since))}
          {connected && !isSince && connections.connected}
          {!connected && connections.notConnected}
        </p>
      </div>
      {url === undefined ? (
        <button
          type="button"
          className="ui-button ui-button-small"
          aria-label={connected ? connections.disconnectName(server) : connections.connectName(server)}
          onClick={connected ? onDisconnect : onConnect}
        >
          {connected ? connections.disconnect : connections.connect}
        </button>
      ) : (
        <GoOn url={url} server={server} />
      )}
    </li>
  );
}

/** A link and no window that opens by itself: browsers keep those away. It has the focus of the button in whose place it stands; the opened page learns nothing of this one. */
function GoOn({ url, server }: { readonly url: string; readonly server: string }) {
  const { connections } = useWords().app;
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => link.current?.focus(), []);
  return (
    <a
      ref={link}
      className="ui-button ui-button-small ui-button-primary"
      href={url}
      target="_blank"
      rel="noopener noreferrer"
    >
      {connections.goOn(server)}
    </a>
  );
}

interface Begun {
  readonly server: string;
  readonly url: string;
}

function useConnections() {
  const api = useApi();
  const [entries, setEntries] = useState<readonly ConnectionEntry[]>();
  const [begun, setBegun] = useState<Begun>();
  const [problem, setProblem] = useState<unknown>();
  const load = useCallback(
    () =>
      api.connections().then((found) => {
        setEntries(found);
        setProblem(undefined);
        // What has been connected meanwhile is not gone on with.
        setBegun((now) =>
          found.some(({ server, connected }) => connected && server === now?.server) ? undefined : now,
        );
      }, setProblem),
    [api],
  );
  useEffect(() => {
    void load();
    // They come back from another tab, where they have allowed it.
    const onFocus = (): void => void load();
    globalThis.addEventListener("focus", onFocus);
    return () => globalThis.removeEventListener("focus", onFocus);
  }, [load]);
  return {
    entries,
    begun,
    problem,
    connect: (server: string): void => {
      api.connect(server).then((url) => setBegun({ server, url }), setProblem);
    },
    disconnect: (server: string): void => {
      api.disconnect(server).then(load, setProblem);
    },
  };
}
