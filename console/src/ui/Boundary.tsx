import { Component, type ReactNode } from "react";

interface Props {
  /** What the content depends on; another value is another try. */
  of: unknown;
  fallback: (error: unknown) => ReactNode;
  children: ReactNode;
}

/** Keeps a fault in what it encloses, or a part of the console that cannot be loaded, to itself. */
export class Boundary extends Component<Props, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidUpdate(before: Props) {
    if (before.of !== this.props.of && this.state.error) this.setState({ error: null });
  }

  override render() {
    return this.state.error ? this.props.fallback(this.state.error) : this.props.children;
  }
}
