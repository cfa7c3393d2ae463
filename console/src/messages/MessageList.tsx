import type { Message, Task } from "@aura-servers/client";
import { ArrowDown } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Virtualizer } from "virtua";
import { Loading } from "../ui/Loading.tsx";
import { dayName } from "../ui/time.ts";
import { MessageRow } from "./MessageRow.tsx";
import styles from "./MessageList.module.css";
import { taskIdOf } from "./taskIdOf.ts";
import { useHistoryScroll } from "./useHistoryScroll.ts";

interface Props {
  /** Oldest first. */
  messages: Message[];
  tasks: ReadonlyMap<string, Task>;
  label: string;
  hasOlder: boolean;
  loadOlder: () => void;
  /** When one was here last: the first of the messages after that is marked. */
  newSince?: string;
  /** The message to begin at, and to point out; without, the list begins at its end and stays there. */
  at?: string;
  /** Whether newer ones are there that are not among them. */
  hasNewer?: boolean;
  loadNewer?: () => void;
  /** Where the newest are, if not in this list. */
  toLatest?: () => void;
}

const isAfter = (time: string, other: string) => Date.parse(time) > Date.parse(other);

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

/** A history, of which only what is seen is drawn, however much of it has been read. */
export function MessageList(
  {
    messages,
    tasks,
    label,
    hasOlder,
    loadOlder,
    newSince,
    at,
    hasNewer = false,
    loadNewer,
    toLatest,
  }: Props,
) {
  const scroller = useRef<HTMLDivElement>(null);
  const { atEnd, atStart, toEnd, ...list } = useHistoryScroll(scroller, messages, {
    hasOlder,
    loadOlder,
    hasNewer,
    loadNewer,
    at,
  });
  const newest = useMemo(() => newestByTask(messages), [messages]);
  const firstNew = newSince && messages.find(({ created_at }) => isAfter(created_at, newSince))?.id;
  // What has the focus stays, wherever it is scrolled to.
  const [focused, setFocused] = useState<string | null>(null);
  const kept = focused === null ? -1 : messages.findIndex(({ id }) => id === focused);

  return (
    <div className={styles.frame}>
      <div ref={scroller} className={styles.scroller} tabIndex={0} role="region" aria-label={label}>
        <div className={styles.space} />
        <div
          role="log"
          aria-label={label}
          // What scrolling brings back is no news.
          aria-live={atEnd ? "polite" : "off"}
          aria-relevant="additions"
          onBlur={() => setFocused(null)}
        >
          <Virtualizer
            {...list}
            scrollRef={scroller}
            data={messages}
            keepMounted={kept < 0 ? [] : [kept]}
          >
            {(message, index) => {
              const before = messages[index - 1];
              const day = dayName(message.created_at);
              const task = tasks.get(taskIdOf(message) ?? "");
              return (
                <div
                  key={message.id}
                  onFocus={() => setFocused(message.id)}
                  {...message.id === at && {
                    "className": styles.found,
                    "aria-current": true,
                    "tabIndex": -1,
                  }}
                >
                  {(!before || dayName(before.created_at) !== day) && (
                    <h2 className={styles.day}>
                      <span>{day}</span>
                    </h2>
                  )}
                  {message.id === firstNew && before && (
                    <p className={styles.new}>
                      <span>New</span>
                    </p>
                  )}
                  <MessageRow
                    message={message}
                    task={task}
                    continued={continues(message, before)}
                    repeats={repeats(message, before)}
                    live={task?.status === "running" && newest.get(task.id) === message.id}
                  />
                </div>
              );
            }}
          </Virtualizer>
        </div>
        <div className={styles.foot} />
      </div>
      {hasOlder && atStart && (
        <div className={styles.older}>
          <Loading label="Loading older messages" />
        </div>
      )}
      {!atEnd && (
        <button type="button" className={styles.jump} onClick={hasNewer ? toLatest : toEnd}>
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
