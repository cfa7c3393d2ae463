import type { Task, Thread } from "@aura-servers/client";
import { MessageSquare } from "lucide-react";
import { Link } from "wouter";
import { useReads } from "../data/useReads.ts";
import { TaskChip } from "../tasks/TaskChip.tsx";
import { Age } from "../ui/Age.tsx";
import { ThreadDot } from "./ThreadDot.tsx";
import styles from "./ThreadRow.module.css";
import { threadTitle } from "./threadTitle.ts";

interface Props {
  thread: Thread;
  /** The newest task of the thread. */
  task?: Task;
  href: string;
  current: boolean;
}

/** A thread in its channel's list: dot, title, state of its newest task, messages, age. */
export function ThreadRow({ thread, task, href, current }: Props) {
  const { number, title } = threadTitle(thread.name);
  const unread = useReads().isUnreadThread(thread) && !current;
  return (
    <Link href={href} className={styles.row} aria-current={current ? "page" : undefined}>
      <ThreadDot status={thread.status} running={task?.status === "running"} />
      <span className={styles.title} dir="auto" data-unread={unread || undefined}>
        {title}
        {unread && <span className="sr-only">, unread</span>}
      </span>
      <span className={styles.age}>
        <Age since={thread.last_activity_at} />
      </span>
      <span className={styles.meta}>
        {task && <TaskChip task={task} />}
        {number && <code>{number}</code>}
        <span className={styles.count}>
          <MessageSquare size={12} aria-hidden="true" />
          {thread.message_count}
          <span className="sr-only">messages</span>
        </span>
      </span>
    </Link>
  );
}
