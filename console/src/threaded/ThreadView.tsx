import type { Channel, Thread } from "@aura-servers/client";
import { useEffect } from "react";
import { useMessages } from "../data/useMessages.ts";
import { useReads } from "../data/useReads.ts";
import { useTasks } from "../data/useTasks.ts";
import { useThread } from "../data/useThread.ts";
import { MessageList } from "../messages/MessageList.tsx";
import { TaskComposer } from "../messages/TaskComposer.tsx";
import { RunningTasks } from "../tasks/RunningTasks.tsx";
import { runningOf } from "../tasks/taskState.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { ThreadHeader } from "./ThreadHeader.tsx";
import styles from "./ThreadView.module.css";

interface Props {
  channel: Channel;
  threadId: string;
  /** The thread as its channel's list has it. */
  known?: Thread;
  mayWrite: boolean;
  changed: (thread: Thread) => void;
  /** The address of the list. */
  back: string;
}

/** One thread: its messages, its open tasks, and a box for what comes next. */
export function ThreadView({ channel, threadId, known, mayWrite, changed, back }: Props) {
  const { messages, hasOlder, loadOlder, add, ...read } = useMessages({ threadId });
  const tasks = useTasks({ task_thread_id: threadId }, messages?.[0]?.created_at);
  const { thread, ...found } = useThread(threadId, known);
  const error = read.error ?? found.error;
  const { markThreadRead } = useReads();
  useEffect(() => {
    const mark = () => thread && document.visibilityState === "visible" && markThreadRead(thread);
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [thread, markThreadRead]);

  function retry() {
    read.retry();
    found.retry();
  }

  if (error || !thread || !messages) {
    return (
      <section className={styles.view} aria-label="Thread">
        <div className={styles.head}>
          <BackLink href={back} label="All threads" on="narrow" />
        </div>
        {error
          ? <Failure title="The thread could not be read" error={error} retry={retry} />
          : <Loading label="Loading the thread" />}
      </section>
    );
  }
  const archived = thread.status === "archived";
  return (
    <section className={styles.view} aria-label={`Thread ${thread.name}`}>
      <ThreadHeader {...{ thread, tasks, changed, back }} mayAct={mayWrite} />
      <MessageList label="Messages of the thread" {...{ messages, tasks, hasOlder, loadOlder }} />
      <RunningTasks tasks={tasks} />
      {mayWrite && !archived && (
        <TaskComposer
          {...{ channel, thread }}
          running={runningOf(tasks)}
          placeholder="Follow up"
          autoFocus
          sent={({ message }) => add(message)}
        />
      )}
      {archived && (
        <p className={styles.closed}>
          This thread is archived.{mayWrite && " Reopen it to write."}
        </p>
      )}
    </section>
  );
}
