import type { Command, Message, Person, Task, Thread } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import {
  CircleDot,
  Hash,
  type LucideIcon,
  MessageSquare,
  Network,
  Search,
  Settings2,
  Terminal,
  UserRound,
} from "lucide-react";
import { type KeyboardEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { panels } from "../admin/panels.ts";
import { useBackend } from "../data/aura.ts";
import { roleOn, useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { taskIdOf } from "../messages/taskIdOf.ts";
import { useTaskDrawer } from "../tasks/taskDrawerContext.ts";
import { isComposing } from "../ui/isComposing.ts";
import { Modal } from "../ui/Modal.tsx";
import styles from "./Palette.module.css";
import { channelPath, meshPath, panelPath, searchPath, threadPath, waitingPath } from "./paths.ts";

interface Choice {
  key: string;
  icon: LucideIcon;
  name: string;
  /** Where it is, or what it does. */
  detail: string;
  choose: () => void;
}

const MOST = 12;

interface Props {
  open: boolean;
  close: () => void;
  servers: ServerWithChannels[];
}

/** Goes to a channel, thread, task, person, command or page by a few letters of its name. */
export function Palette({ open, close, servers }: Props) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const { choices, looking } = useChoices(text, servers, open);
  const current = Math.min(at, choices.length - 1);

  function leave() {
    setText("");
    setAt(0);
    close();
  }

  function choose(choice: Choice | undefined) {
    if (!choice) return;
    leave();
    choice.choose();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (isComposing(event)) return;
    if (event.key === "Enter") choose(choices[current]);
    else if (event.key === "ArrowDown") setAt((current + 1) % choices.length);
    else if (event.key === "ArrowUp") setAt((current - 1 + choices.length) % choices.length);
    else return;
    event.preventDefault();
  }

  return (
    <Modal open={open} close={leave} shape="box" title={<h2 className="sr-only">Go to</h2>}>
      <input
        className={styles.input}
        role="combobox"
        aria-label="Go to"
        aria-expanded={choices.length > 0}
        aria-controls={list}
        aria-activedescendant={choices[current] && `${list}-${current}`}
        placeholder="Channel, thread, task, person, command …"
        autoComplete="off"
        spellCheck={false}
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={list} role="listbox" aria-label="Places" className={styles.list}>
        {choices.map((choice, index) => (
          <li
            key={choice.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === current}
            onMouseMove={() => setAt(index)}
            onClick={() => choose(choice)}
          >
            <choice.icon size={16} aria-hidden="true" />
            <span className={styles.name} dir="auto">{choice.name}</span>
            <span className={styles.detail}>{choice.detail}</span>
          </li>
        ))}
      </ul>
      {choices.length === 0 && (
        <p className={styles.none}>{looking ? "Looking …" : "Nothing is called so."}</p>
      )}
    </Modal>
  );
}

/**
 * What the text names: places at hand at once, the others as they are found. A search for it comes last, and
 * only when all are: a quick Enter is not to lead there instead of to what is being looked for.
 */
function useChoices(
  text: string,
  servers: ServerWithChannels[],
  open: boolean,
): { choices: Choice[]; looking: boolean } {
  const { aura } = useBackend();
  const caller = useCaller();
  const [, go] = useLocation();
  const openTask = useTaskDrawer();
  const query = text.trim();
  const isId = /^[0-9a-f]{4,36}$/i.test(query.replaceAll("-", ""));
  const options = { enabled: open, staleTime: 10_000 };
  const threads = useQuery({
    queryKey: ["find", "threads", query],
    queryFn: () => aura.findThreads(query),
    ...options,
  });
  const tasks = useQuery({
    queryKey: ["find", "tasks", query],
    queryFn: () => aura.findTasks(query),
    ...options,
    enabled: open && isId,
  });
  const said = useQuery({
    queryKey: ["find", "said", query],
    queryFn: () => aura.searchMessages(query, { max_rows: 20 }),
    ...options,
    // What it cannot look for, as -word alone, names no task.
    retry: false,
    enabled: open && !isId && query.length > 2,
  });
  const everywhere = caller.role === "admin";
  const mayAdminister = roleOn(caller, undefined) === "admin";
  const people = useQuery({
    queryKey: ["find", "people", query],
    queryFn: () => aura.listPeople({ search: query }),
    ...options,
    enabled: open && everywhere && query.length > 1,
  });
  const commands = useQuery({
    queryKey: ["commands"],
    queryFn: () => aura.listCommands(),
    ...options,
  });

  const places = servers.flatMap((server) =>
    server.channels.map((channel): Choice & { id: string; server: ServerWithChannels } => ({
      id: channel.id,
      server,
      key: channel.id,
      icon: Hash,
      name: channel.name,
      detail: server.display_name,
      choose: () => go(channelPath(server, channel)),
    }))
  );
  const pages: Choice[] = [
    {
      key: "waiting",
      icon: CircleDot,
      name: "Waiting for you",
      detail: "open questions",
      choose: () => go(waitingPath),
    },
    { key: "mesh", icon: Network, name: "Mesh", detail: "devices", choose: () => go(meshPath) },
    ...Object.entries(mayAdminister ? panels(everywhere) : {}).map((
      [panel, name],
    ) => ({
      key: panel,
      icon: Settings2,
      name,
      detail: "administration",
      choose: () => go(panelPath(panel)),
    })),
  ];
  const asThread = (thread: Thread): Choice[] => {
    const place = places.find(({ id }) => id === thread.channel_id);
    return place
      ? [{
        key: thread.id,
        icon: MessageSquare,
        name: thread.name,
        detail: `${place.detail} · #${place.name}`,
        choose: () => go(threadPath(place.server, { name: place.name }, thread.id)),
      }]
      : [];
  };
  const asTask = (task: Pick<Task, "id" | "content"> & { status?: string }): Choice => ({
    key: task.id,
    icon: CircleDot,
    name: `${task.id.slice(0, 8)} ${task.content.split("\n", 1)[0]}`,
    detail: ["task", task.status].filter(Boolean).join(", "),
    choose: () => openTask(task.id),
  });
  /** A person's request, by its words. */
  const asRequest = (message: Message): Choice[] => {
    const id = message.sender_type === "human" && taskIdOf(message);
    return id ? [asTask({ id, content: message.content })] : [];
  };
  const asPerson = ({ user_id, label, email }: Person): Choice => ({
    key: user_id,
    icon: UserRound,
    name: label,
    detail: email ?? "person",
    choose: () => go(panelPath("people", email ?? label)),
  });
  const channel = places.find(({ server }) => server.architecture_type === "command_dispatch");
  const asCommand = ({ name, description }: Command): Choice => ({
    key: `!${name}`,
    icon: Terminal,
    name: `!${name}`,
    detail: description,
    choose: () => channel && go(channelPath(channel.server, channel), { state: { command: name } }),
  });

  const words = query.toLowerCase().split(/\s+/);
  const named = (choice: Choice) =>
    words.every((word) => `${choice.name} ${choice.detail}`.toLowerCase().includes(word));
  const found = [
    ...(tasks.data ?? []).map(asTask),
    ...[...places, ...pages].filter(named),
    ...(channel && commands.data && query ? commands.data.map(asCommand).filter(named) : []),
    ...(threads.data ?? []).flatMap(asThread),
    ...(people.data ?? []).map(asPerson),
    ...(said.data ?? []).flatMap(asRequest),
  ];
  const looking = [threads, tasks, people, said].some(({ isLoading }) => isLoading);
  const search: Choice = {
    key: "search",
    icon: Search,
    name: query,
    detail: "search messages",
    choose: () => go(searchPath(query)),
  };
  const choices = query && !looking ? [...found.slice(0, MOST - 1), search] : found.slice(0, MOST);
  return { choices, looking };
}
