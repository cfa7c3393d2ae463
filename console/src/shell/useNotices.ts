import type { Question, Task } from "@aura-servers/client";
import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { useUser } from "../data/aura.ts";
import { notices } from "../data/notices.ts";
import { useTableChanges } from "../data/useTableChanges.ts";
import type { Place } from "../tasks/TaskFacts.tsx";
import { isOpen, shortId } from "../tasks/taskState.ts";
import { waitingPath } from "./paths.ts";

/** Tells of new questions, and of the ends of one's own tasks, while the page is not looked at. */
export function useNotices(questions: Question[], placeOf: (task: Task) => Place | null): void {
  const user = useUser();
  const [, go] = useLocation();

  // What was open when the page was opened is no news.
  const known = useRef<Set<string>>(undefined);
  useEffect(() => {
    const before = known.current;
    known.current = new Set(questions.map(({ id }) => id));
    for (const { id, channel_id, title, task_id } of before ? questions : []) {
      if (before?.has(id)) continue;
      notices.tell(channel_id, `${shortId(task_id)} asks`, title, () => go(waitingPath));
    }
  }, [questions]);

  useTableChanges("own-tasks", [{ table: "mac_tasks", filter: `created_by=eq.${user.id}` }], {
    refresh: () => {},
    row: (row) => {
      const task = row as Task;
      if (!task.channel_id || isOpen(task) || task.cancelled_at || !task.finished_at) return;
      // A change long after the end is of something else.
      if (Date.now() - Date.parse(task.finished_at) > 60_000) return;
      const place = placeOf(task);
      notices.tell(
        task.channel_id,
        `${shortId(task.id)} ${task.status}`,
        task.content.slice(0, 120),
        () => place && go(place.href),
      );
    },
  });
}
