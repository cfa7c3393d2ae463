import type { Channel } from "@aura-servers/client";
import { Inbox } from "lucide-react";
import { useState } from "react";
import { useMessages } from "../data/useMessages.ts";
import { useReads } from "../data/useReads.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { useTasks } from "../data/useTasks.ts";
import { MessageList } from "../messages/MessageList.tsx";
import { TaskComposer } from "../messages/TaskComposer.tsx";
import { ChannelHeader } from "../shell/ChannelHeader.tsx";
import { RunningTasks } from "../tasks/RunningTasks.tsx";
import { runningOf } from "../tasks/taskState.ts";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";

interface Props {
  server: ServerWithChannels;
  channel: Channel;
  mayAct: boolean;
}

/** A channel whose tasks report in it, one message after another. */
export function FlatChannel({ server, channel, mayAct }: Props) {
  const { messages, hasOlder, loadOlder, add, error, retry } = useMessages({
    channelId: channel.id,
  });
  const tasks = useTasks({ channel_id: channel.id }, messages?.[0]?.created_at);
  const { readAt } = useReads();
  // As it was when one came: reading on moves the mark, but not the line.
  const [newSince] = useState(readAt.get(channel.id));
  const mayWrite = mayAct && !channel.is_read_only;
  return (
    <>
      <ChannelHeader {...{ server, channel }} />
      {error
        ? <Failure title="The channel could not be read" error={error} retry={retry} />
        : !messages
        ? <Loading label="Loading messages" />
        : messages.length === 0
        ? (
          <Notice icon={Inbox} title={`#${channel.name} is empty`}>
            <p>
              {mayWrite
                ? "Write what should be done. A device of the mesh does it and reports here."
                : channel.is_read_only
                ? "Nothing has been posted here yet."
                : "Nobody has asked for anything here yet."}
            </p>
          </Notice>
        )
        : (
          <MessageList
            label={`Messages in ${channel.name}`}
            {...{ messages, tasks, hasOlder, loadOlder, newSince }}
          />
        )}
      <RunningTasks tasks={tasks} />
      {mayWrite && (
        <TaskComposer
          channel={channel}
          running={runningOf(tasks)}
          placeholder={`Ask #${channel.name} to do something`}
          autoFocus
          sent={({ message }) => add(message)}
        />
      )}
    </>
  );
}
