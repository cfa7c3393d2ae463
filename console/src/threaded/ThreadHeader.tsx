import type { Task, Thread } from "@aura-servers/client";
import { useMutation } from "@tanstack/react-query";
import { Archive, ArchiveRestore, X } from "lucide-react";
import { useLocation } from "wouter";
import { useBackend } from "../data/aura.ts";
import { isOpen } from "../tasks/taskState.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { ThreadDot } from "./ThreadDot.tsx";
import styles from "./ThreadHeader.module.css";
import { threadTitle } from "./threadTitle.ts";

interface Props {
  thread: Thread;
  tasks: ReadonlyMap<string, Task>;
  mayAct: boolean;
  changed: (thread: Thread) => void;
  back: string;
}

/** A thread's title, its life, and the ways to close, reopen and leave it. */
export function ThreadHeader({ thread, tasks, mayAct, changed, back }: Props) {
  const { aura } = useBackend();
  const [, go] = useLocation();
  const archived = thread.status === "archived";
  const unfinished = [...tasks.values()].some(isOpen);
  const move = useMutation({
    mutationFn: () => aura.updateThreadStatus(thread.id, archived ? "active" : "archived"),
    onSuccess: changed,
  });
  return (
    <>
      <header className={styles.header}>
        <BackLink href={back} label="All threads" on="narrow" />
        <ThreadDot
          status={thread.status}
          running={[...tasks.values()].some(({ status }) => status === "running")}
        />
        <h2 title={thread.name} dir="auto">{threadTitle(thread.name).title}</h2>
        {mayAct && (archived || !unfinished) && (
          <IconButton
            icon={archived ? ArchiveRestore : Archive}
            label={archived ? "Reopen" : "Archive"}
            disabled={move.isPending}
            onClick={() => move.mutate()}
          />
        )}
        <IconButton
          icon={X}
          label="Close the thread"
          className={styles.close}
          onClick={() => {
            go(back);
            document.getElementById("main")?.focus();
          }}
        />
      </header>
      {move.error && (
        <div className={styles.refusal}>
          <Refusal error={move.error} />
        </div>
      )}
    </>
  );
}
