import { useQuery } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { useBackend } from "../data/aura.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { useTasks } from "../data/useTasks.ts";
import { MessageList } from "../messages/MessageList.tsx";
import { channelPath, searchPath, threadPath } from "../shell/paths.ts";
import { Button } from "../ui/Button.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import styles from "./MessagePage.module.css";
import { useSurroundings } from "./useSurroundings.ts";

/** One message in its place: what was said before and after it, in its channel or thread. */
export function MessagePage({ id, servers }: { id: string; servers: ServerWithChannels[] }) {
  const { aura } = useBackend();
  const [, go] = useLocation();
  const { found, error, retry, loadOlder, loadNewer } = useSurroundings(id);
  const message = found?.rows.find((row) => row.id === id);
  const server = servers.find(({ channels }) =>
    channels.some((channel) => channel.id === message?.channel_id)
  );
  const channel = server?.channels.find((channel) => channel.id === message?.channel_id);
  const threadId = message?.task_thread_id ?? undefined;
  const { data: thread } = useQuery({
    queryKey: ["thread", threadId],
    queryFn: () => aura.fetchThread(threadId!),
    enabled: threadId !== undefined,
  });
  const open = () =>
    server && channel &&
    go(threadId ? threadPath(server, channel, threadId) : channelPath(server, channel));

  return (
    <>
      <header className={styles.header}>
        <Button onClick={() => history.length > 1 ? history.back() : go(searchPath())}>Back</Button>
        <h1 dir="auto">{thread?.name ?? (channel ? `#${channel.name}` : "Message")}</h1>
        {channel && (
          <Button onClick={open}>{threadId ? "Open the thread" : "Open the channel"}</Button>
        )}
      </header>
      {error
        ? <Failure title="The message could not be read" error={error} retry={retry} />
        : !found || !message
        ? <Loading label="Loading the message" />
        : (
          <Surroundings
            key={id}
            {...{ id, loadOlder, loadNewer, open }}
            scope={threadId ? { task_thread_id: threadId } : { channel_id: message.channel_id }}
            {...found}
          />
        )}
    </>
  );
}

type SurroundingsProps =
  & { id: string; scope: Parameters<typeof useTasks>[0]; open: () => void }
  & NonNullable<ReturnType<typeof useSurroundings>["found"]>
  & Pick<ReturnType<typeof useSurroundings>, "loadOlder" | "loadNewer">;

function Surroundings(
  { id, scope, rows, hasOlder, hasNewer, loadOlder, loadNewer, open }: SurroundingsProps,
) {
  const tasks = useTasks(scope, rows[0]?.created_at);
  return (
    <MessageList
      label="The message, and those around it"
      messages={rows}
      at={id}
      {...{ tasks, hasOlder, loadOlder, hasNewer, loadNewer }}
      toLatest={open}
    />
  );
}
