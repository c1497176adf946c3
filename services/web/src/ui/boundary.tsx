import { Component, type ReactNode } from "react";

interface BoundaryProps {
  readonly children: ReactNode;
  /** Another place is another try. */
  readonly place: string;
  /** What is shown in the place of what has failed. */
  readonly failure: ReactNode;
}

interface BoundaryState {
  readonly failedPlace: string | undefined;
}

/** Keeps a fault in one part of the page: the others go on. React wants a class for it. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { failedPlace: undefined };

  override componentDidCatch(): void {
    this.setState({ failedPlace: this.props.place });
  }

  static getDerivedStateFromError(): Partial<BoundaryState> {
    return { failedPlace: "" };
  }

  override render(): ReactNode {
    const { failedPlace } = this.state;
    const isFailed = failedPlace === "" || failedPlace === this.props.place;
    return isFailed ? this.props.failure : this.props.children;
  }
}
