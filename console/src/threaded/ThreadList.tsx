import type { Task, Thread } from "@aura-servers/client";
import { MessagesSquare } from "lucide-react";
import { useMemo, useRef } from "react";
import { Virtualizer } from "virtua";
import { Button } from "../ui/Button.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";
import styles from "./ThreadList.module.css";
import { ThreadRow } from "./ThreadRow.tsx";

interface Props {
  threads?: Thread[];
  tasks: ReadonlyMap<string, Task>;
  current?: string;
  hasOlder: boolean;
  loadOlder: () => void;
  mayWrite: boolean;
  hrefOf: (threadId: string) => string;
  error: unknown;
  retry: () => void;
}

const byActivity = (a: Thread, b: Thread) =>
  Date.parse(b.last_activity_at) - Date.parse(a.last_activity_at);

/** Open threads, the liveliest first, and the archived ones below; drawn as far as they are seen. */
export function ThreadList(props: Props) {
  const { threads, tasks, current, hasOlder, loadOlder, mayWrite, hrefOf, error, retry } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const newest = useMemo(() => newestTasks(tasks), [tasks]);
  if (error) return <Failure title="The threads could not be read" error={error} retry={retry} />;
  if (!threads) return <Loading label="Loading threads" />;
  if (threads.length === 0) {
    return (
      <Notice icon={MessagesSquare} title="No threads yet">
        <p>
          {mayWrite
            ? "Write what should be done: it gets a thread of its own."
            : "Nobody has asked for anything here yet."}
        </p>
      </Notice>
    );
  }
  const row = (thread: Thread) => (
    <ThreadRow
      key={thread.id}
      thread={thread}
      task={newest.get(thread.id)}
      href={hrefOf(thread.id)}
      current={thread.id === current}
    />
  );
  const open = threads.filter(({ status }) => status !== "archived").sort(byActivity);
  const archived = threads.filter(({ status }) => status === "archived").reverse();
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      tabIndex={0}
      role="region"
      aria-label="Threads"
    >
      <Virtualizer scrollRef={scroller}>
        <h2 key="active">Active</h2>
        {open.length === 0 && <p key="none" className={styles.none}>No open threads.</p>}
        {open.map(row)}
        {archived.length > 0 && <h2 key="archived">Archived</h2>}
        {archived.map(row)}
        {hasOlder && (
          <Button key="older" className={styles.more} onClick={loadOlder}>Older threads</Button>
        )}
      </Virtualizer>
    </div>
  );
}

/** The newest task of each thread. */
function newestTasks(tasks: ReadonlyMap<string, Task>): Map<string, Task> {
  const newest = new Map<string, Task>();
  for (const task of tasks.values()) {
    const other = newest.get(task.task_thread_id ?? "");
    const later = !other || Date.parse(task.created_at ?? "") > Date.parse(other.created_at ?? "");
    if (task.task_thread_id && later) newest.set(task.task_thread_id, task);
  }
  return newest;
}
