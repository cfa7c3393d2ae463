import {
  AuraError,
  type Channel,
  type Message,
  type Task,
  type Thread,
} from "@aura-servers/client";
import { useState } from "react";
import { useBackend } from "../data/aura.ts";
import { useAttachments } from "../files/useAttachments.ts";
import { shortId } from "../tasks/taskState.ts";
import { Composer } from "./Composer.tsx";
import { type Choices, modesOf, TaskOptions } from "./TaskOptions.tsx";

interface Props {
  channel: Channel;
  /** The thread that is continued; without one, a threaded channel opens a thread. */
  thread?: Thread;
  /** What runs here now: it can be told something. */
  running: Task[];
  placeholder: string;
  autoFocus?: boolean;
  /** What was created; the thread is null on a flat channel, for a note and for an input. */
  sent: (created: { message: Message; thread: Thread | null }) => void;
}

/**
 * The composer of a task channel: what is written becomes a task, a team's goal, an input to a task
 * that runs, or a mere note. What it becomes is said before it is sent.
 */
export function TaskComposer({ channel, thread, running, placeholder, autoFocus, sent }: Props) {
  const { aura } = useBackend();
  const [chosen, choose] = useState<Choices>({ mode: null, model: null });
  const modes = modesOf({ running, inThread: thread !== undefined });
  // In a thread one talks to what runs there; what was chosen may have ended meanwhile.
  const mode = chosen.mode && chosen.mode in modes ? chosen.mode : Object.keys(modes)[0]!;
  const [kind, taskId] = mode.split(":") as [string, string | undefined];

  const attachments = useAttachments(aura, channel.id);

  async function send(content: string, idempotency_key: string) {
    const model = chosen.model ?? undefined;
    const task_thread_id = thread?.id;
    async function dispatch() {
      const file_ids = attachments.files.flatMap(({ sent }) => sent?.id ?? []);
      const options = { model, task_thread_id, idempotency_key, file_ids };
      sent(await aura.dispatchTask(channel.id, content, options));
    }
    if (taskId) {
      const options = { interrupt: kind === "stop", idempotency_key };
      try {
        const { message } = await aura.sendInput(taskId, content, options);
        sent({ message, thread: null });
      } catch (error) {
        // It has ended just now: what a run does not take goes into a follow-up, here as in the hub.
        if (!(error instanceof AuraError && error.name === "task_finished")) throw error;
        await dispatch();
      }
    } else if (kind === "note") {
      const note = { id: idempotency_key, task_thread_id };
      sent({ message: await aura.postChannelMessage(channel.id, content, note), thread: null });
    } else if (kind === "team") {
      sent(await aura.dispatchTeam(channel.id, content, { model, idempotency_key }));
    } else {
      await dispatch();
    }
    choose({ ...chosen, mode: null });
  }

  return (
    <Composer
      draftKey={`aura.draft.${thread?.id ?? channel.id}`}
      label={thread ? "Follow up" : `Message #${channel.name}`}
      placeholder={kind === "team" ? "A goal; a list in it becomes subtasks" : placeholder}
      autoFocus={autoFocus}
      choices={JSON.stringify([mode, chosen.model])}
      note={running.length > 0 ? consequence(kind, taskId, running) : null}
      options={
        <TaskOptions
          modes={modes}
          value={{ mode, model: chosen.model }}
          change={choose}
          models={kind === "task" || kind === "team"}
        />
      }
      // Files go with a task: an input, a note and a goal are words.
      attachments={kind === "task" ? attachments : undefined}
      send={send}
    />
  );
}

/** What sending does while a task runs. */
function consequence(kind: string, taskId: string | undefined, running: Task[]): string | null {
  const id = taskId && shortId(taskId);
  if (kind === "input") return `${id} gets it at its next step.`;
  if (kind === "stop") return `${id} stops what it does now, and goes on with this.`;
  if (kind === "task" && running.some(({ task_thread_id }) => task_thread_id)) {
    return "A new task, which begins when the one that runs has ended.";
  }
  return null;
}
