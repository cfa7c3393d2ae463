import type { Message, Task } from "@aura-servers/client";
import { ArrowDown } from "lucide-react";
import { Fragment, type ReactNode, useEffect, useMemo, useRef } from "react";
import { Loading } from "../ui/Loading.tsx";
import { dayName } from "../ui/time.ts";
import { MessageRow } from "./MessageRow.tsx";
import styles from "./MessageList.module.css";
import { taskIdOf } from "./taskIdOf.ts";
import { useStickyScroll } from "./useStickyScroll.ts";

interface Props {
  /** Oldest first. */
  messages: Message[];
  tasks: ReadonlyMap<string, Task>;
  label: string;
  /** What stands above the first message once everything older has been read. */
  start?: ReactNode;
  hasOlder: boolean;
  loadOlder: () => void;
}

const GROUP_GAP = 5 * 60_000;

const continues = (message: Message, before: Message | undefined) =>
  before !== undefined &&
  before.sender_type === message.sender_type &&
  before.sender_label === message.sender_label &&
  Date.parse(message.created_at) - Date.parse(before.created_at) < GROUP_GAP &&
  dayName(before.created_at) === dayName(message.created_at);

/** An embed that announces a request right below the request need not say it again. */
const repeats = ({ embed_data }: Message, before: Message | undefined) => {
  const description = embed_data?.description?.replace(/…$/, "");
  return before?.sender_type === "human" && description !== undefined &&
    before.content.startsWith(description);
};

export function MessageList({ messages, tasks, label, start, hasOlder, loadOlder }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const { atEnd, toEnd } = useStickyScroll(scroller, content, messages[0]?.id, messages.at(-1)?.id);
  const newest = useMemo(() => newestByTask(messages), [messages]);

  useEffect(() => {
    if (!hasOlder || !top.current) return;
    const seen = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && loadOlder(),
      { root: scroller.current, rootMargin: "400px 0px 0px" },
    );
    seen.observe(top.current);
    return () => seen.disconnect();
  }, [hasOlder, loadOlder, messages[0]?.id]);

  return (
    <div className={styles.frame}>
      <div ref={scroller} className={styles.scroller} tabIndex={0} role="region" aria-label={label}>
        <div ref={content} className={styles.content}>
          <div ref={top}>{hasOlder ? <Loading label="Loading older messages" /> : start}</div>
          <div role="log" aria-label={label} aria-live="polite" aria-relevant="additions">
            {messages.map((message, index) => {
              const before = messages[index - 1];
              const day = dayName(message.created_at);
              const task = tasks.get(taskIdOf(message) ?? "");
              return (
                <Fragment key={message.id}>
                  {(!before || dayName(before.created_at) !== day) && (
                    <h2 className={styles.day}>
                      <span>{day}</span>
                    </h2>
                  )}
                  <MessageRow
                    message={message}
                    task={task}
                    continued={continues(message, before)}
                    repeats={repeats(message, before)}
                    live={task?.status === "running" && newest.get(task.id) === message.id}
                  />
                </Fragment>
              );
            })}
          </div>
        </div>
      </div>
      {!atEnd && (
        <button type="button" className={styles.jump} onClick={toEnd}>
          <ArrowDown size={14} aria-hidden="true" /> Latest
        </button>
      )}
    </div>
  );
}

/** The newest message of each task: the one that moves while the task runs. */
function newestByTask(messages: Message[]): Map<string, string> {
  const newest = new Map<string, string>();
  for (const message of messages) {
    const task = taskIdOf(message);
    if (task) newest.set(task, message.id);
  }
  return newest;
}
