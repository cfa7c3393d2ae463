import type { ModelPreference } from "@aura-servers/client";
import { Select } from "../ui/Select.tsx";

export type Mode = "task" | "team" | "note";

export interface Choices {
  mode: Mode;
  /** null: what the channel and the routing rules say. */
  model: ModelPreference | null;
}

const modes: Record<Mode, string> = {
  task: "Task",
  team: "Team",
  note: "Note, no task",
};

const models: Record<string, string> = {
  auto: "Auto",
  claude: "Claude",
  codex: "Codex",
  gemini: "Gemini",
};

/** What sending makes of the text, and which model shall do it. */
export function TaskOptions(
  { value, change }: { value: Choices; change: (value: Choices) => void },
) {
  return (
    <>
      <Select
        label="Send as"
        value={value.mode}
        options={modes}
        change={(mode) => change({ ...value, mode: mode as Mode })}
      />
      {value.mode !== "note" && (
        <Select
          label="Model"
          value={value.model ?? "auto"}
          options={models}
          change={(model) =>
            change({ ...value, model: model === "auto" ? null : model as ModelPreference })}
        />
      )}
    </>
  );
}
