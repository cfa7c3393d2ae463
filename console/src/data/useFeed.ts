import type { Change } from "@aura-servers/client";
import { useEffect, useState } from "react";

/**
 * Follows one of the client's iterables while the component is shown, and hands every row on.
 * `key` names what is followed; null: nothing yet. Returns the error that ended it, if any.
 */
export function useFeed<Row>(
  key: string | null,
  follow: (signal: AbortSignal) => AsyncIterable<Change<Row>>,
  take: (row: Row) => void,
): unknown {
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (key === null) return;
    const end = new AbortController();
    setError(null);
    (async () => {
      for await (const { row } of follow(end.signal)) take(row);
    })().catch((failure) => end.signal.aborted || setError(failure));
    return () => end.abort();
    // What the two functions close over changes only with the key.
  }, [key]);
  return error;
}
