import type { Channel } from "@aura-servers/client";
import { useState } from "react";
import { useLocation } from "wouter";
import { useMessages } from "../data/useMessages.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { useTasks } from "../data/useTasks.ts";
import { useThreads } from "../data/useThreads.ts";
import { TaskComposer } from "../messages/TaskComposer.tsx";
import { ChannelHeader } from "../shell/ChannelHeader.tsx";
import { channelPath, threadPath } from "../shell/paths.ts";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import { ChannelLog } from "./ChannelLog.tsx";
import { ThreadList } from "./ThreadList.tsx";
import styles from "./ThreadedChannel.module.css";
import { ThreadView } from "./ThreadView.tsx";

interface Props {
  server: ServerWithChannels;
  channel: Channel;
  threadId?: string;
  mayAct: boolean;
}

type Shown = "threads" | "log";

/** A channel whose tasks have a thread each: the list of threads, and the chosen one beside it. */
export function ThreadedChannel({ server, channel, threadId, mayAct }: Props) {
  const [, go] = useLocation();
  // Feeds have no threads; elsewhere the channel's own messages are a second look.
  const [shown, setShown] = useState<Shown>(channel.is_read_only ? "log" : "threads");
  const threads = useThreads(channel.id);
  const log = useMessages({ channelId: channel.id });
  const tasks = useTasks({ channel_id: channel.id }, threads.threads?.[0]?.created_at);
  const mayWrite = mayAct && !channel.is_read_only;

  return (
    <div className={styles.columns} data-thread={threadId ? true : undefined}>
      <section className={styles.list} aria-label={`Channel ${channel.name}`}>
        <ChannelHeader {...{ server, channel }}>
          {!channel.is_read_only && (
            <SegmentedControl<Shown>
              label="Show"
              value={shown}
              options={{ threads: "Threads", log: "Log" }}
              change={setShown}
            />
          )}
        </ChannelHeader>
        {shown === "threads"
          ? (
            <ThreadList
              {...threads}
              {...{ tasks, mayWrite }}
              current={threadId}
              hrefOf={(id) => threadPath(server, channel, id)}
            />
          )
          : <ChannelLog {...log} {...{ channel, tasks }} />}
        {mayWrite && (
          <TaskComposer
            channel={channel}
            running={[]}
            placeholder="Start a thread: what should be done?"
            sent={({ message, thread }) => {
              if (!thread) return log.add(message);
              threads.add(thread);
              go(threadPath(server, channel, thread.id));
            }}
          />
        )}
      </section>
      {threadId && (
        <ThreadView
          key={threadId}
          {...{ channel, mayWrite, threadId }}
          known={threads.threads?.find(({ id }) => id === threadId)}
          changed={threads.add}
          back={channelPath(server, channel)}
        />
      )}
    </div>
  );
}
