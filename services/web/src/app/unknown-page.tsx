import { useEffect, type ReactNode } from "react";
import { useWords } from "../words/use-words.ts";
import { Link } from "./link.tsx";

/** An address of this page's that leads nowhere. */
export function UnknownPage({
  headerStart,
  go,
}: {
  readonly headerStart: ReactNode;
  readonly go: (path: string) => void;
}) {
  const { app } = useWords();
  useEffect(() => {
    document.title = `${app.failure.notFoundTitle} · ${app.productName}`;
  }, [app]);
  return (
    <>
      <header className="app-header">{headerStart}</header>
      <div className="app-message">
        <h1 className="app-message-title">{app.failure.notFoundTitle}</h1>
        <p>{app.failure.notFoundText}</p>
        <Link className="ui-button ui-button-primary" path="/" go={go}>
          {app.failure.home}
        </Link>
      </div>
    </>
  );
}
