import type { ModelPreference } from "@aura-servers/client";
import { useModels } from "../data/useModels.ts";
import { Select } from "../ui/Select.tsx";

export type Mode = "task" | "team" | "note";

export interface Choices {
  mode: Mode;
  /** null: what the channel and the routing rules say. */
  model: ModelPreference | null;
}

const modes = { task: "Task", note: "Note, no task" };
const modesWithTeam = { task: "Task", team: "Team of tasks", note: "Note, no task" };

/** What sending makes of the text, and which model shall do it. */
export function TaskOptions(
  { value, change, teams }: {
    value: Choices;
    change: (value: Choices) => void;
    /** Whether the text may be split among a team. */
    teams: boolean;
  },
) {
  const models = useModels();
  return (
    <>
      <Select
        label="Send as"
        value={value.mode}
        options={teams ? modesWithTeam : modes}
        change={(mode) => change({ ...value, mode: mode as Mode })}
      />
      {value.mode !== "note" && (
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
