import { Component, type ReactNode } from "react";
import { Failure } from "../ui/Failure.tsx";

interface Props {
  /** Where the page is; another place is another try. */
  at: string;
  children: ReactNode;
}

/** Keeps a fault in one page, or a part of it that cannot be loaded, from taking the lists along. */
export class PageBoundary extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidUpdate(before: Props) {
    if (before.at !== this.props.at && this.state.error) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return <Failure title="This page failed" error={error} retry={() => location.reload()} />;
  }
}
