import type { Channel, Message, Thread } from "@aura-servers/client";
import { useState } from "react";
import { useBackend } from "../data/aura.ts";
import { Composer } from "./Composer.tsx";
import { type Choices, TaskOptions } from "./TaskOptions.tsx";

interface Props {
  channel: Channel;
  /** The thread that is continued; without one, a threaded channel opens a thread. */
  thread?: Thread;
  placeholder: string;
  autoFocus?: boolean;
  /** What was created; the thread is null on a flat channel and for a note. */
  sent: (created: { message: Message; thread: Thread | null }) => void;
}

/** The composer of a task channel: what is written becomes a task, a team's goal, or a mere note. */
export function TaskComposer({ channel, thread, placeholder, autoFocus, sent }: Props) {
  const { aura } = useBackend();
  const [choices, setChoices] = useState<Choices>({ mode: "task", model: null });

  async function send(content: string, idempotency_key: string) {
    const model = choices.model ?? undefined;
    const task_thread_id = thread?.id;
    if (choices.mode === "note") {
      const message = await aura.postChannelMessage(channel.id, content, {
        id: idempotency_key,
        task_thread_id,
      });
      return sent({ message, thread: null });
    }
    sent(
      choices.mode === "team"
        ? await aura.dispatchTeam(channel.id, content, { model, idempotency_key })
        : await aura.dispatchTask(channel.id, content, { model, task_thread_id, idempotency_key }),
    );
    setChoices({ ...choices, mode: "task" });
  }

  return (
    <Composer
      draftKey={`aura.draft.${thread?.id ?? channel.id}`}
      label={thread ? "Follow up" : `Message #${channel.name}`}
      placeholder={choices.mode === "team" ? "A goal; a list in it becomes subtasks" : placeholder}
      autoFocus={autoFocus}
      options={<TaskOptions value={choices} change={setChoices} teams={!thread} />}
      choices={JSON.stringify(choices)}
      send={send}
    />
  );
}
