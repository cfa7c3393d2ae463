/** The rows that calls and subscriptions return: the generated ones, with their checks as unions. */
import type { Database, Json } from "./database.types.ts";

type Row<Table extends keyof Database["public"]["Tables"]> =
  Database["public"]["Tables"][Table]["Row"];

type Checked<Base, Checks> = Omit<Base, keyof Checks> & Checks;

/** What a message does on a server: runs a command, queues a task, or queues one in a thread of its own. */
export type Architecture = "command_dispatch" | "flat_task_pipeline" | "threaded_task_isolation";
/** The name of a row of hub_models. */
export type Model = string;
/** A model's name, or `any`: whichever there is. */
export type ModelPreference = Model | "any";
/** What a device runs on. */
export type Platform = "macos" | "linux" | "windows";
/** viewer reads, operator also gives work, admin also runs the place. */
export type Role = "viewer" | "operator" | "admin";
/** How far a thread has aged; activity makes all but `archived` active again. */
export type ThreadStatus = "active" | "idle" | "decaying" | "archived";
/** A cancelled task is `failed` with `cancelled_at`. */
export type TaskStatus = "pending" | "running" | "complete" | "failed";
/** `plan`, `subtask` and `synthesis` are parts of a team; `publish` pushes a branch. */
export type TaskKind = "task" | "plan" | "subtask" | "synthesis" | "publish";

/** A card in the place of text; `color` is 0xRRGGBB, `timestamp` ISO 8601. */
export interface Embed {
  title: string;
  description?: string | null;
  color?: number | null;
  fields?: { name: string; value: string; inline?: boolean }[] | null;
  footer?: string | null;
  timestamp?: string | null;
}

/** An agent that a mesh may have. */
export type HubModel = Row<"hub_models">;

/** A server: channels that work alike. */
export type Server = Checked<Row<"hub_servers">, { architecture_type: Architecture }>;

/** A channel; `idle_after`, `archive_after` and `keep_for` are intervals, as `02:00:00`. */
export type Channel = Checked<Row<"hub_channels">, { model_preference: ModelPreference }>;

/** A message; `metadata.event` says what it tells (see `eventOf()`), and no client reads that from its text. */
export type Message = Checked<Row<"hub_channel_messages">, {
  sender_type: "human" | "agent" | "system";
  content_type: "text" | "embed" | "command" | "result" | "error";
  embed_data: Embed | null;
  metadata: Metadata;
}>;

/** A thread of a threaded channel, with how far it has aged. */
export type Thread = Checked<Row<"hub_task_threads">, {
  status: ThreadStatus;
  metadata: Metadata;
}>;

/** A task, from its request to its result. */
export type Task = Checked<Row<"mac_tasks">, {
  status: TaskStatus;
  kind: TaskKind;
  /** What the agent was not allowed to do; null: nothing was refused. */
  refusals: { tool: string; detail?: string | null }[] | null;
  changes: Changes | null;
}>;

/** What a task changed on a branch of its own, against the base it parted from. */
export interface Changes {
  base: string;
  branch: string;
  /** What the branch was at when this was counted. */
  commit: string | null;
  /** The first ones; `file_count` and the sums are of all. */
  files: ChangedFile[];
  file_count: number;
  additions: number;
  deletions: number;
  /** The device that has the branch. */
  device_id: string;
}

/** One file of `Changes`. */
export interface ChangedFile {
  path: string;
  /** Of a renamed or copied file. */
  old_path?: string;
  status: "added" | "modified" | "deleted" | "renamed" | "copied" | "type_changed";
  /** Lines; null for a binary file. */
  additions: number | null;
  deletions: number | null;
}

/** A comment on what a task changed; without a line it is about the file. */
export interface ReviewComment {
  path: string;
  line?: number | null;
  /** Whether `line` counts in the file as it is now, or as it was. */
  side?: "new" | "old";
  body: string;
}

/** One claim of a task by a device, and how it ended; null: it has not. */
export type TaskAttempt = Checked<Row<"hub_task_attempts">, {
  outcome:
    | "complete"
    | "failed"
    | "released"
    | "parked"
    | "expired"
    | "lost"
    | "rate_limited"
    | "cancelled"
    | "timed_out"
    | null;
}>;

/** A file of a request (`in`) or one that an agent left (`out`). */
export type HubFile = Checked<Row<"hub_files">, {
  direction: "in" | "out";
  state: "pending" | "stored" | "failed";
  path: string;
}>;

/** A goal that several agents work on at the same time. */
export type Team = Checked<Row<"hub_teams">, {
  status: "planning" | "running" | "synthesizing" | "complete" | "failed";
}>;

/** An agent of a device, and until when it is throttled. */
export type DeviceModel = Checked<Row<"mesh_device_models">, { model: Model }>;

/** A machine that runs tasks. */
export type Device = Checked<Row<"mesh_devices">, {
  platform: Platform;
  status: "online" | "offline" | "draining";
}>;

/** A device with the agents that it offers. */
export type DeviceWithModels = Device & { models: DeviceModel[] };

/** Somebody who has a role of their own everywhere. */
export type Member = Checked<Row<"hub_members">, { role: Role }>;

/** A message as a search finds it. */
export type FoundMessage = Message & {
  /** Its content is cut to 2,000 characters. */
  truncated: boolean;
  /** A piece of the text, what was looked for between ⟦ and ⟧; see `highlightParts()`. */
  highlight: string;
};

/** A rule of routing: the first whose pattern matches a request decides. */
export interface RoutingRule {
  position: number;
  /** A regular expression of Postgres. */
  pattern: string;
  task_type: string;
  model: Model | null;
  platform: Platform | null;
}

/** What a request would become. */
export interface Route {
  /** The position of the rule that matches. */
  rule: number | null;
  task_type: string;
  model: ModelPreference;
  platform: Platform | null;
  /** What would run it now. */
  effective_model: string;
}

/** How far the caller has read a channel or a thread; the other one is null. */
export type ReadMark = Row<"hub_reads">;

/** A role on one server: `none` hides it. */
export type ServerRole = Role | "none";

/** Somebody who has an account, as admins see them. */
export interface Person {
  user_id: string;
  label: string;
  email: string | null;
  /** What they were made; null: nothing of their own. */
  member_role: Role | null;
  /** What they were made on servers, by the server's id. */
  server_roles: Record<string, ServerRole>;
  /** What comes of it, on the server that was asked for or on the whole; null: no role. */
  role: Role | null;
}

/** Only an `open` question takes an answer; `withdrawn` went with its task. */
export type QuestionState = "open" | "answered" | "expired" | "withdrawn";

/** An answer to choose; the `id` is what is sent. */
export interface QuestionOption {
  id: string;
  label: string;
  kind: "allow_once" | "reject_once" | "choice";
}

/** What an agent asks people: whether it may do something (`approval`), or to know something. */
export type Question = Checked<Row<"hub_questions">, {
  kind: "approval" | "question";
  state: QuestionState;
  options: QuestionOption[];
}>;

/** What a person said to a task at work. */
export type TaskInput = Checked<Row<"hub_task_inputs">, {
  state: "waiting" | "taken" | "moved";
}>;

/** What `send_input` created. */
export interface SentInput {
  message: Message;
  input: TaskInput;
}

/** What else is known of a row; docs/events.md lists what messages have. */
export type Metadata = { [key: string]: Json | undefined };

/** What `execute_command` answers: the command's name and its text in chunks of at most 2,000. */
export interface CommandResult {
  command: string;
  chunks: string[];
}

/** A command of a command channel; `changes_data`: it takes an operator. */
export interface Command {
  name: string;
  description: string;
  usage: string;
  changes_data: boolean;
}

/** What `dispatch_task` created; `thread` is null on a flat channel. */
export interface Dispatch {
  message: Message;
  task: Task;
  thread: Thread | null;
}

/** What `dispatch_team` created; `thread` is null on a flat channel. */
export interface TeamDispatch {
  message: Message;
  team: Team;
  tasks: Task[];
  thread: Thread | null;
}

/** Why a task is where it is; `detail` depends on the reason. */
export interface Explanation {
  state: string;
  reason: string;
  since: string | null;
  detail: Json;
}

/** Who calls: the name shown beside their messages, and what they may do. */
export interface Caller {
  user_id: string;
  label: string;
  /** Where no server says otherwise. */
  role: Role;
  /** The servers that exist for the caller. */
  servers: { server_id: string; name: string; role: Role }[];
  limits: Limits;
  /** The version of Aura Servers there; see `versionProblem()`. */
  version: string;
}

/** The settings that a client has to know; lengths are in characters. */
export interface Limits {
  /** The longest text that a person sends at once: a message, a request, a goal, a subtask. */
  max_content: number;
  /** The longest text that an agent reports. */
  max_result: number;
  max_subtasks: number;
  /** Unfinished tasks of one person. */
  max_open_tasks_per_user: number;
  /** Progress messages of one task; later progress rewrites the last of them. */
  progress_limit: number;
  /** The longest chunk of a command's answer. */
  chunk_size: number;
  /** In bytes. */
  max_file_size: number;
  max_files_per_task: number;
}

/** What `mesh_activity` answers: attempts by the hour they started or ended in, the oldest first. */
export interface MeshActivity {
  hours: {
    hour: string;
    started: number;
    complete: number;
    failed: number;
    wait_median_ms: number;
    wait_max_ms: number;
  }[];
  waiting: number;
  oldest_waiting_since: string | null;
}

/** What `usage_report` answers: what ran, by day (in UTC), model and person. */
export interface UsageReport {
  since: string;
  rows: {
    day: string;
    model: Model;
    /** null: somebody who is gone, or nobody in particular. */
    user_id: string | null;
    label: string;
    complete: number;
    failed: number;
    running_ms: number;
    /** With what was read from a cache. */
    input_tokens: number;
    output_tokens: number;
    cost_usd: number;
  }[];
}

/** A registered device and its token, which is shown this once. */
export interface Registration {
  device: Device;
  token: string;
}
