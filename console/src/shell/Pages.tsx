import type { Channel, Question } from "@aura-servers/client";
import { MessagesSquare } from "lucide-react";
import { Suspense, useEffect } from "react";
import { Link, useLocation, useRoute } from "wouter";
import type { ServerWithChannels } from "../data/useServers.ts";
import { FlatChannel } from "../flat/FlatChannel.tsx";
import { Boundary } from "../ui/Boundary.tsx";
import { Failure } from "../ui/Failure.tsx";
import { later, loadRest } from "../ui/later.ts";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";
import { usePhone } from "../ui/useMedia.ts";
import { adminPath, channelPath, fromAddress, meshPath, waitingPath } from "./paths.ts";

const CommandChannel = later(() =>
  import("../command/CommandChannel.tsx").then(({ CommandChannel }) => CommandChannel)
);
const ThreadedChannel = later(() =>
  import("../threaded/ThreadedChannel.tsx").then(({ ThreadedChannel }) => ThreadedChannel)
);
const WaitingPage = later(() =>
  import("../questions/WaitingPage.tsx").then(({ WaitingPage }) => WaitingPage)
);
const AdminPage = later(() => import("../admin/AdminPage.tsx").then(({ AdminPage }) => AdminPage));
const ChangesPage = later(() =>
  import("../changes/ChangesPage.tsx").then(({ ChangesPage }) => ChangesPage)
);
const SearchPage = later(() =>
  import("../search/SearchPage.tsx").then(({ SearchPage }) => SearchPage)
);
const MessagePage = later(() =>
  import("../search/MessagePage.tsx").then(({ MessagePage }) => MessagePage)
);
const MeshPage = later(() => import("../mesh/MeshPage.tsx").then(({ MeshPage }) => MeshPage));

interface Props {
  servers: ServerWithChannels[];
  server?: ServerWithChannels;
  channel?: Channel;
  mayAct: boolean;
  markRead: (channel: Channel) => void;
  /** The open ones on all servers. */
  questions: Question[];
}

const pageFailure = (error: unknown) => (
  <Failure
    title="This page failed"
    error={error}
    retry={() => location.reload()}
  />
);

const titles: Record<string, string> = {
  [meshPath]: "Mesh",
  [waitingPath]: "Waiting for you",
};

const VISITED = "aura.visited";

/** What stands beside the lists: a channel in the shape of its server, or the mesh. */
export function Pages(props: Props) {
  const [location] = useLocation();
  useEffect(() => void loadRest(), []);
  return (
    <Boundary of={location} fallback={pageFailure}>
      <Suspense fallback={<Loading />}>
        <Page {...props} />
      </Suspense>
    </Boundary>
  );
}

function Page({ servers, server, channel, mayAct, markRead, questions }: Props) {
  const [location, go] = useLocation();
  const [, threadRoute] = useRoute("/c/:server/:channel/:thread");
  const [, changesRoute] = useRoute("/changes/:task");
  const [, searchRoute] = useRoute("/search/:place?/:words?");
  const [, messageRoute] = useRoute("/m/:message");
  const [, adminRoute] = useRoute(`${adminPath}/:panel?/:words?`);
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
    const page = titles[location] ?? (searchRoute ? "Search" : null) ??
      (adminRoute ? "Administration" : null) ?? (channel && `#${channel.name}`);
    const waiting = questions.length ? `(${questions.length}) ` : "";
    document.title = waiting + (page ? `${page} · Aura Servers` : "Aura Servers");
  }, [location, channel?.name, questions.length]);

  if (location === waitingPath) return <WaitingPage {...{ questions, servers }} />;
  if (changesRoute) return <ChangesPage key={changesRoute.task} taskId={changesRoute.task} />;
  if (adminRoute) {
    return (
      <AdminPage servers={servers} panel={adminRoute.panel} words={fromAddress(adminRoute.words)} />
    );
  }
  if (searchRoute) {
    const place = searchRoute.place === "all" ? undefined : searchRoute.place;
    return <SearchPage servers={servers} words={fromAddress(searchRoute.words)} place={place} />;
  }
  if (messageRoute) return <MessagePage id={messageRoute.message} servers={servers} />;
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
