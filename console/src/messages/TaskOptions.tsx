import type { ModelPreference, Task } from "@aura-servers/client";
import { useModels } from "../data/useModels.ts";
import { shortId } from "../tasks/taskState.ts";
import { Select } from "../ui/Select.tsx";

export interface Choices {
  /** One of `modesOf`; null: the first of them. */
  mode: string | null;
  /** null: what the channel and the routing rules say. */
  model: ModelPreference | null;
}

/** What a text can become, by name; the first one is meant unless another is chosen. */
export function modesOf(
  { running, inThread }: { running: Task[]; inThread: boolean },
): Record<string, string> {
  const told = Object.fromEntries(
    running.slice(0, 3).flatMap(({ id }) => [
      [`input:${id}`, `Tell ${shortId(id)}`],
      [`stop:${id}`, `Stop ${shortId(id)} and go on`],
    ]),
  );
  return inThread
    ? { ...told, task: running.length ? "Follow-up task" : "Task", note: "Note, no task" }
    : { task: "Task", team: "Team of tasks", ...told, note: "Note, no task" };
}

/** What sending makes of the text, and which model shall do it. */
export function TaskOptions(
  { modes, value, change, models: modelMatters }: {
    modes: Record<string, string>;
    value: { mode: string; model: ModelPreference | null };
    change: (value: Choices) => void;
    models: boolean;
  },
) {
  const models = useModels();
  return (
    <>
      <Select
        label="Send as"
        value={value.mode}
        options={modes}
        change={(mode) => change({ ...value, mode })}
      />
      {modelMatters && (
        <Select
          label="Model"
          value={value.model ?? "auto"}
          options={{
            auto: "Auto",
            ...Object.fromEntries(models.map(({ name, label }) => [name, label])),
          }}
          change={(model) =>
            change({ ...value, model: model === "auto" ? null : model as ModelPreference })}
        />
      )}
    </>
  );
}
