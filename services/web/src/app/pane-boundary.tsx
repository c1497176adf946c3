import { Component, type ReactNode } from "react";
import { useWords } from "../words/use-words.ts";

interface PaneBoundaryProps {
  readonly children: ReactNode;
  /** Another place is another try. */
  readonly place: string;
}

interface PaneBoundaryState {
  readonly failedPlace: string | undefined;
}

/** Keeps a fault in one pane: the others go on. React wants a class for it. */
export class PaneBoundary extends Component<PaneBoundaryProps, PaneBoundaryState> {
  override state: PaneBoundaryState = { failedPlace: undefined };

  override componentDidCatch(): void {
    this.setState({ failedPlace: this.props.place });
  }

  static getDerivedStateFromError(): Partial<PaneBoundaryState> {
    return { failedPlace: "" };
  }

  override render(): ReactNode {
    const { failedPlace } = this.state;
    const isFailed = failedPlace === "" || failedPlace === this.props.place;
    return isFailed ? <Failure /> : this.props.children;
  }
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
