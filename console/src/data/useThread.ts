import type { Thread } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";

/** One thread: the live one of its channel's list where that has it, else as it was read. */
export function useThread(id: string, known: Thread | undefined) {
  const { aura } = useBackend();
  const query = useQuery({
    queryKey: ["thread", id],
    enabled: known === undefined,
    queryFn: () => aura.fetchThread(id),
  });
  return { thread: known ?? query.data, error: query.error, retry: () => void query.refetch() };
}
