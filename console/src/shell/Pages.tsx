import type { Channel } from "@aura-servers/client";
import { MessagesSquare } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { Link, useLocation, useRoute } from "wouter";
import type { ServerWithChannels } from "../data/useServers.ts";
import { FlatChannel } from "../flat/FlatChannel.tsx";
import { ThreadedChannel } from "../threaded/ThreadedChannel.tsx";
import { Boundary } from "../ui/Boundary.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";
import { loadMarkdown } from "../ui/RichText.tsx";
import { usePhone } from "../ui/useMedia.ts";
import { channelPath, meshPath } from "./paths.ts";

// What only some pages need is loaded after the first page, so that they are there when the server is not.
const commandChannel = () =>
  import("../command/CommandChannel.tsx").then(({ CommandChannel }) => ({
    default: CommandChannel,
  }));
const meshPage = () =>
  import("../mesh/MeshPage.tsx").then(({ MeshPage }) => ({ default: MeshPage }));
const CommandChannel = lazy(commandChannel);
const MeshPage = lazy(meshPage);

interface Props {
  servers: ServerWithChannels[];
  server?: ServerWithChannels;
  channel?: Channel;
  mayAct: boolean;
  markRead: (channel: Channel) => void;
}

const pageFailure = (error: unknown) => (
  <Failure
    title="This page failed"
    error={error}
    retry={() => location.reload()}
  />
);

const VISITED = "aura.visited";

/** What stands beside the lists: a channel in the shape of its server, or the mesh. */
export function Pages(props: Props) {
  const [location] = useLocation();
  useEffect(() => {
    // A page that cannot be loaded says so where it is shown.
    void Promise.allSettled([loadMarkdown(), commandChannel(), meshPage()]);
  }, []);
  return (
    <Boundary of={location} fallback={pageFailure}>
      <Suspense fallback={<Loading />}>
        <Page {...props} />
      </Suspense>
    </Boundary>
  );
}

function Page({ servers, server, channel, mayAct, markRead }: Props) {
  const [location, go] = useLocation();
  const [, threadRoute] = useRoute("/c/:server/:channel/:thread");
  const phone = usePhone();

  useEffect(() => {
    if (server && channel) localStorage.setItem(`${VISITED}.${server.name}`, channel.name);
  }, [server?.name, channel?.name]);

  // Wide pages have room for a conversation where only a server is chosen.
  const choosing = server && (location === "/" || location.startsWith("/s/"));
  useEffect(() => {
    if (phone || !choosing) return;
    const visited = localStorage.getItem(`${VISITED}.${server.name}`);
    const open = server.channels.find(({ name }) => name === visited) ?? server.channels[0];
    if (open) go(channelPath(server, open), { replace: true });
  }, [phone, choosing, server]);

  useEffect(() => {
    const read = () => channel && document.visibilityState === "visible" && markRead(channel);
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [channel, markRead]);

  useEffect(() => {
    const page = location === meshPath ? "Mesh" : channel && `#${channel.name}`;
    document.title = page ? `${page} · Aura Servers` : "Aura Servers";
  }, [location, channel?.name]);

  if (location === meshPath) return <MeshPage mayAct={mayAct} />;
  if (!server || !channel) {
    if (choosing && server.channels.length > 0) return null;
    return (
      <Notice
        icon={MessagesSquare}
        title={servers.length ? "No such channel" : "No servers yet"}
        action={servers.length > 0 && <Link href="/">All channels</Link>}
      >
        <p>
          {servers.length
            ? "It may have been renamed or deleted."
            : "An admin can add the first one."}
        </p>
      </Notice>
    );
  }
  const props = { server, channel, mayAct };
  switch (server.architecture_type) {
    case "command_dispatch":
      return <CommandChannel key={channel.id} {...props} />;
    case "flat_task_pipeline":
      return <FlatChannel key={channel.id} {...props} />;
    case "threaded_task_isolation":
      return <ThreadedChannel key={channel.id} {...props} threadId={threadRoute?.thread} />;
  }
}
