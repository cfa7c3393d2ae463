import type { Json } from "../database.types.ts";
import { before } from "../paging.ts";
import type {
  Dispatch,
  Explanation,
  ModelPreference,
  ReviewComment,
  SentInput,
  Task,
  TaskAttempt,
  TaskInput,
  TaskStatus,
  Team,
  TeamDispatch,
} from "../rows.ts";
import { idsFrom, missing, type Page, rows } from "./base.ts";
import { ThreadCalls } from "./threads.ts";

/** What a request may say besides its words. */
export interface DispatchOptions {
  /** The thread that it continues; its agent's session is resumed. */
  task_thread_id?: string;
  /** A name of `fetchModels()`, or `any`; the channel's own unless told. */
  model?: ModelPreference;
  /** -100 to 100; higher is claimed first, and 0 is the rule. */
  priority?: number;
  /** ISO 8601; not claimed earlier. */
  run_at?: string;
  /** 1 to 200 characters, for this request alone: sent twice, it is done once. */
  idempotency_key?: string;
  /** Files that `sendFile` has sent; with some, the content may be empty. */
  file_ids?: string[];
}

/** What a team's goal may say besides its words. */
export interface TeamOptions {
  /** 1 to 20 requests that different agents can do at the same time. */
  subtasks?: string[];
  /** As in `DispatchOptions`, for each of them. */
  model?: ModelPreference;
  /** 1 to 200 characters, for this goal alone: sent twice, it is done once. */
  idempotency_key?: string;
}

/** Tasks, teams, and what is said to a task at work. */
export class TaskCalls extends ThreadCalls {
  /**
   * Queues a task. On a threaded channel it opens a thread, or continues `task_thread_id`. With an
   * `idempotency_key` it may be sent again: the first result comes back and nothing is created.
   *
   * ```ts
   * const { task } = await aura.dispatchTask(channelId, "Fix the login test", { model: "claude" });
   * for await (const { status, partial_output } of aura.pollTaskProgress(task.id)) …
   * ```
   *
   * @param content at most 32,000 characters
   * @throws {AuraError} channel_not_found, thread_not_found, wrong_architecture, channel_read_only,
   *   thread_archived, content_empty, content_too_long, too_many_open_tasks, key_used (for another content),
   *   too_many_files, file_not_found, file_in_use, file_not_stored
   */
  dispatchTask(
    channelId: string,
    content: string,
    options: DispatchOptions = {},
  ): Promise<Dispatch> {
    return this.rpc("dispatch_task", { channel_id: channelId, content, ...options });
  }

  /**
   * Splits a goal into parallel subtasks, and combines their results.
   *
   * @param options `subtasks`: 1 to 20 requests; without, a list in the goal, or else a device plans them
   * @throws {AuraError} too_many_subtasks, and those of `dispatchTask`
   */
  dispatchTeam(channelId: string, goal: string, options: TeamOptions = {}): Promise<TeamDispatch> {
    return this.rpc("dispatch_team", { channel_id: channelId, goal, ...options });
  }

  /** A page of tasks, newest first. */
  async fetchTasks(
    filter: Page & {
      channel_id?: string;
      task_thread_id?: string;
      team_id?: string;
      status?: TaskStatus[];
    } = {},
  ): Promise<Task[]> {
    const { limit = 50, before: last, status, ...columns } = filter;
    let query = this.db.from("mac_tasks").select().match(columns)
      .order("created_at", { ascending: false }).order("id", { ascending: false }).limit(limit);
    if (status) query = query.in("status", status);
    return rows(await before(query, last));
  }

  /**
   * One task.
   *
   * @throws {AuraError} task_not_found
   */
  async fetchTask(taskId: string): Promise<Task> {
    const [task] = rows<Task>(await this.db.from("mac_tasks").select().eq("id", taskId));
    return task ?? missing("task", taskId);
  }

  /**
   * The tasks whose id starts with these hex digits (the short form `abcd1234`, or the whole id).
   *
   * @throws {AuraError} bad_argument: fewer than four digits, or none
   */
  async findTasks(prefix: string): Promise<Task[]> {
    const [first, last] = idsFrom(prefix, "task");
    const query = this.db.from("mac_tasks").select().gte("id", first).lte("id", last);
    return rows(await query.order("id").limit(10));
  }

  /** One row per claim of the task, in order. */
  async fetchTaskAttempts(taskId: string): Promise<TaskAttempt[]> {
    const query = this.db.from("hub_task_attempts").select().eq("task_id", taskId);
    return rows(await query.order("started_at"));
  }

  /**
   * One team: its goal and how far it is.
   *
   * @throws {AuraError} team_not_found
   */
  async fetchTeam(teamId: string): Promise<Team> {
    const [team] = rows<Team>(await this.db.from("hub_teams").select().eq("id", teamId));
    return team ?? missing("team", teamId);
  }

  /**
   * Ends a pending task at once, a running one as soon as its device has stopped it. The id
   * of a team, of its thread or of its plan cancels all of the team's tasks.
   *
   * @throws {AuraError} task_not_found, task_finished
   */
  cancelTask(taskId: string): Promise<Task> {
    return this.rpc("cancel_task", { task_id: taskId });
  }

  /**
   * Queues a task again that has failed.
   *
   * @throws {AuraError} task_not_found, task_finished (it is complete or still at work), thread_not_found,
   *   thread_archived, too_many_open_tasks
   */
  retryTask(taskId: string): Promise<Task> {
    return this.rpc("retry_task", { task_id: taskId });
  }

  /**
   * Pushes the branch of a task that changed something, and opens a pull request: a task for the
   * device that has the branch. The same one while it is unfinished.
   *
   * @throws {AuraError} task_not_found, no_changes, device_not_found, channel_read_only, thread_archived,
   *   too_many_open_tasks
   */
  publishChanges(taskId: string, pullRequest = true): Promise<Task> {
    return this.rpc("publish_changes", { task_id: taskId, pull_request: pullRequest });
  }

  /**
   * Sends comments on what a task changed back to its agent, as one follow-up.
   *
   * ```ts
   * await aura.reviewChanges(task.id, [{ path: "src/login.ts", line: 12, side: "new", body: "Why?" }]);
   * ```
   *
   * @throws {AuraError} task_not_found, no_changes, device_not_found, bad_argument, content_too_long, and
   *   those of `dispatchTask`
   */
  reviewChanges(
    taskId: string,
    comments: ReviewComment[],
    options: { content?: string; idempotency_key?: string } = {},
  ): Promise<Dispatch> {
    return this.rpc("review_changes", {
      task_id: taskId,
      comments: comments as unknown as Json,
      ...options,
    });
  }

  /**
   * Why a task is where it is: `reason` is a name, as `waiting_for_device`, and `detail` what belongs to it.
   *
   * @throws {AuraError} task_not_found
   */
  explainTask(taskId: string): Promise<Explanation> {
    return this.rpc("explain_task", { task_id: taskId });
  }

  /**
   * Says something to a task that has not ended: its agent is given it at the next step, or at once
   * with `interrupt`. What no run takes becomes a follow-up.
   *
   * @throws {AuraError} task_not_found, task_finished, content_empty, content_too_long (32,000 characters),
   *   key_used, bad_argument
   */
  sendInput(
    taskId: string,
    content: string,
    options: { interrupt?: boolean; idempotency_key?: string } = {},
  ): Promise<SentInput> {
    return this.rpc("send_input", { task_id: taskId, content, ...options });
  }

  /** What was said to a task at work, in order. */
  async fetchTaskInputs(taskId: string): Promise<TaskInput[]> {
    const query = this.db.from("hub_task_inputs").select().eq("task_id", taskId);
    return rows(await query.order("created_at").order("id"));
  }
}
