import type { Task } from "@aura-servers/client";
import { type Query, useQueryClient } from "@tanstack/react-query";
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useRoute } from "wouter";
import { CallerContext, roleOn, useWhoami } from "../data/caller.ts";
import { useFileChanges } from "../data/useFiles.ts";
import { useInputChanges } from "../data/useInputs.ts";
import { useOpenQuestions } from "../data/useQuestions.ts";
import { useReadChanges, useReads } from "../data/useReads.ts";
import { type ServerWithChannels, useServers } from "../data/useServers.ts";

import type { Place } from "../tasks/TaskFacts.tsx";
import { TaskDrawerContext } from "../tasks/taskDrawerContext.ts";
import { Boundary } from "../ui/Boundary.tsx";
import { Failure } from "../ui/Failure.tsx";
import { later } from "../ui/later.ts";
import { Loading } from "../ui/Loading.tsx";
import { ChannelList } from "./ChannelList.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { Pages } from "./Pages.tsx";
import { channelPath, meshPath, threadPath } from "./paths.ts";
import { ServerRail } from "./ServerRail.tsx";
import styles from "./Shell.module.css";
import { useNotices } from "./useNotices.ts";

const TaskDrawer = later(() =>
  import("../tasks/TaskDrawer.tsx").then(({ TaskDrawer }) => TaskDrawer)
);

const Palette = later(() => import("./Palette.tsx").then(({ Palette }) => Palette));

/** The frame of the console: servers, channels, and the page that the address names. */
export function Shell() {
  const { caller, ...whoami } = useWhoami();
  const [connected, setConnected] = useState<boolean>();
  const queries = useQueryClient();
  const { servers, error, retry } = useServers((joined) => {
    setConnected(joined);
    // What could not be read while the server was away is read now.
    const failed = { predicate: ({ state }: Query) => state.status === "error" };
    if (joined) void queries.refetchQueries(failed);
  });
  const { isUnread, markRead } = useReads();
  useReadChanges();
  const questions = useOpenQuestions();
  useInputChanges();
  useFileChanges();
  const [taskId, setTaskId] = useState<string | null>(null);
  const closeTask = useCallback(() => setTaskId(null), []);

  const [location] = useLocation();
  const [, channelRoute] = useRoute("/c/:server/:channel/*?");
  const [, serverRoute] = useRoute("/s/:server");
  const serverName = channelRoute?.server ?? serverRoute?.server;
  // The mesh and the start page belong to no server: the lists stay at the one shown last.
  const lastServer = useRef<string>(undefined);
  const server = useMemo(
    () =>
      servers?.find(({ name }) => name === (serverName ?? lastServer.current)) ??
        (serverName ? undefined : servers?.[0]),
    [servers, serverName],
  );
  if (server) lastServer.current = server.name;
  const channel = server?.channels.find(({ name }) => name === channelRoute?.channel);

  const placeOf = (task: Task) => placeOfTask(servers ?? [], task);
  useNotices(questions, placeOf);
  const [finding, find] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      find(true);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  // Following a link out of the drawer leaves it.
  useEffect(closeTask, [location]);

  if (!servers || !caller) {
    const failure = error ?? whoami.error;
    const again = () => {
      retry();
      whoami.retry();
    };
    return (
      <main className="page">
        {failure
          ? <Failure title="The servers could not be read" error={failure} retry={again} />
          : <Loading />}
      </main>
    );
  }
  const { role, label } = caller;
  // Roles differ by server; the mesh belongs to whoever may run tasks anywhere.
  const mayAct = roleOn(caller, location === meshPath ? undefined : server?.id) !== "viewer";
  // On a phone the lists are a page of their own, shown where no channel or page is chosen.
  const choosing = location === "/" || serverRoute !== null;
  return (
    <CallerContext value={caller}>
      <TaskDrawerContext value={setTaskId}>
        <div className={styles.shell} data-choosing={choosing || undefined}>
          <a href="#main" className={styles.skip} onClick={skip}>Skip to the conversation</a>
          <ConnectionBanner connected={connected} version={caller.version} />
          <div className={styles.columns}>
            <div className={styles.lists}>
              <ServerRail
                {...{ servers, role, label }}
                current={server}
                isUnread={isUnread}
                waiting={questions.length}
              />
              <ChannelList {...{ server, mayAct }} current={channel} isUnread={isUnread} />
            </div>
            <main id="main" className={styles.main} tabIndex={-1}>
              <Pages
                {...{ servers, server, channel, mayAct, questions }}
                markRead={markRead}
              />
            </main>
          </div>
        </div>
        {taskId && (
          <Boundary of={taskId} fallback={() => null}>
            <Suspense>
              <TaskDrawer
                key={taskId}
                id={taskId}
                close={closeTask}
                placeOf={placeOf}
              />
            </Suspense>
          </Boundary>
        )}
        <Boundary of={finding} fallback={() => null}>
          <Suspense>
            {finding && <Palette open close={() => find(false)} servers={servers} />}
          </Suspense>
        </Boundary>
      </TaskDrawerContext>
    </CallerContext>
  );
}

/** The channel or thread that a task reports in. */
function placeOfTask(servers: ServerWithChannels[], task: Task): Place | null {
  const server = servers.find(({ channels }) => channels.some(({ id }) => id === task.channel_id));
  const channel = server?.channels.find(({ id }) => id === task.channel_id);
  if (!server || !channel) return null;
  return task.task_thread_id
    ? { name: `thread in #${channel.name}`, href: threadPath(server, channel, task.task_thread_id) }
    : { name: `#${channel.name}`, href: channelPath(server, channel) };
}

/** The address belongs to the router, so the skip link moves the focus itself. */
function skip(event: React.MouseEvent) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
