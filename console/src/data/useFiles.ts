import type { AuraClient, HubFile } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

/** Keeps all files that are read current; for the shell, once. */
export function useFileChanges(): void {
  const queries = useQueryClient();
  const refresh = (key: unknown[]) => void queries.invalidateQueries({ queryKey: key });
  useTableChanges("files", [{ table: "hub_files" }], {
    refresh: () => refresh(["files"]),
    row: (row) => {
      const { message_id, task_id } = row as HubFile;
      if (message_id) refresh(["files", "message", message_id]);
      if (task_id) refresh(["files", "task", task_id]);
    },
  });
}

/** The files that a message shows. */
export function useMessageFiles(messageId: string): HubFile[] {
  const { aura } = useBackend();
  const { data = [] } = useQuery({
    queryKey: ["files", "message", messageId],
    queryFn: () => filesOf(aura, messageId),
    staleTime: Infinity,
  });
  return data;
}

/** The files of a task: those of its request, and those that its agent left. */
export function useTaskFiles(taskId: string): HubFile[] {
  const { aura } = useBackend();
  const { data = [] } = useQuery({
    queryKey: ["files", "task", taskId],
    queryFn: () => aura.fetchTaskFiles(taskId),
  });
  return data;
}

let asked: string[] = [];
let answer: Promise<HubFile[]> | undefined;

/** Those of one message, read together with those of the others that are shown at the same time. */
async function filesOf(aura: AuraClient, messageId: string): Promise<HubFile[]> {
  asked.push(messageId);
  answer ??= Promise.resolve().then(() => {
    const ids = asked;
    asked = [];
    answer = undefined;
    return aura.fetchMessageFiles(ids);
  });
  return (await answer).filter(({ message_id }) => message_id === messageId);
}
