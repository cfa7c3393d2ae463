import type { Channel, Message, Task } from "@aura-servers/client";
import { Rss } from "lucide-react";
import { MessageList } from "../messages/MessageList.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";

interface Props {
  channel: Channel;
  messages?: Message[];
  tasks: ReadonlyMap<string, Task>;
  hasOlder: boolean;
  loadOlder: () => void;
  error: unknown;
  retry: () => void;
}

/** What a threaded channel itself has been told: its feed, notes, and a line for each thread. */
export function ChannelLog({ channel, messages, tasks, hasOlder, loadOlder, error, retry }: Props) {
  if (error) return <Failure title="The channel could not be read" error={error} retry={retry} />;
  if (!messages) return <Loading label="Loading messages" />;
  if (messages.length === 0) {
    return (
      <Notice icon={Rss} title={`#${channel.name} is empty`}>
        <p>
          {channel.is_read_only
            ? "The system posts here when there is news."
            : "Nothing has been posted here yet."}
        </p>
      </Notice>
    );
  }
  return (
    <MessageList
      label={`Messages in ${channel.name}`}
      {...{ messages, tasks, hasOlder, loadOlder }}
    />
  );
}
