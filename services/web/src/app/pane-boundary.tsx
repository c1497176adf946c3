import type { ReactNode } from "react";
import { Boundary } from "../ui/boundary.tsx";
import { useWords } from "../words/use-words.ts";

interface PaneBoundaryProps {
  readonly children: ReactNode;
  /** Another place is another try. */
  readonly place: string;
}

/** Keeps a fault in one pane: the others go on. */
export function PaneBoundary({ children, place }: PaneBoundaryProps) {
  return (
    <Boundary place={place} failure={<Failure />}>
      {children}
    </Boundary>
  );
}

function Failure() {
  const { failure } = useWords().app;
  return (
    <div className="app-message" role="alert">
      <h1 className="app-message-title">{failure.title}</h1>
      <p>{failure.text}</p>
      <button type="button" className="ui-button ui-button-primary" onClick={() => location.reload()}>
        {failure.reload}
      </button>
    </div>
  );
}
