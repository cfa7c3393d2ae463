/**
 * Every call to the database, by name: the reads are plain REST on the tables, the writes are RPCs
 * (docs/errors.md lists what each may refuse). Nothing else in this package talks to PostgREST.
 */
import type { PostgrestError, SupabaseClient } from "@supabase/supabase-js";
import type { Database, Json } from "./database.types.ts";
import { AuraError, toAuraError } from "./errors.ts";
import { digestOf, downloadBytes, mediaTypeOf, uploadBytes } from "./files.ts";
import { before, type Cursor, onward } from "./paging.ts";
import type {
  Caller,
  Channel,
  Command,
  CommandResult,
  Device,
  DeviceWithModels,
  Dispatch,
  Explanation,
  HubFile,
  HubModel,
  Member,
  MeshActivity,
  Message,
  Model,
  ModelPreference,
  Person,
  Platform,
  Question,
  QuestionState,
  Registration,
  ReviewComment,
  Role,
  Route,
  RoutingRule,
  SentInput,
  Server,
  ServerRole,
  Task,
  TaskAttempt,
  TaskInput,
  TaskStatus,
  Team,
  TeamDispatch,
  Thread,
  ThreadStatus,
} from "./rows.ts";

type Functions = Database["public"]["Functions"];
type Tables = Database["public"]["Tables"];
type Insert<Table extends keyof Tables> = Tables[Table]["Insert"];
type Update<Table extends keyof Tables> = Tables[Table]["Update"];

/** Which rows of a list that is read from its newest row on. */
export interface Page {
  /** The most rows to return; 50 unless told. */
  limit?: number;
  /** Only rows older than this one: the oldest row of the page before. */
  before?: Cursor;
}

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

/** Chosen, said in the person's own words, or both. */
export interface Answer {
  /** Of one of the question's `options`. */
  option_id?: string;
  /** Where the question has `allow_text`; at most 32,000 characters. */
  answer?: string;
}

/** The messages a view shows: a channel's own (those of no thread), or a thread's. */
export type MessageView = { channelId: string } | { threadId: string };

/** How many ids fit one address comfortably. */
const IDS_PER_REQUEST = 100;

/**
 * The calls, for whoever the client is signed in as. Each may throw an `AuraError` with `not_signed_in` (401) or
 * `role_required` (403), and an `UnavailableError` where nobody answers or somebody else holds what it writes
 * (`busy`): that one may be tried again. The errors named below are the further ones; docs/errors.md has all of them.
 */
export class Calls {
  readonly #db: SupabaseClient<Database>;

  constructor(db: SupabaseClient<Database>) {
    this.#db = db;
  }

  // Servers and channels ---------------------------------------------------------------------------

  /** The servers that exist for the caller, oldest first. */
  async fetchServers(): Promise<Server[]> {
    return rows(await this.#db.from("hub_servers").select().order("created_at").order("name"));
  }

  /** The channels of one server, or of all. */
  async fetchChannels(serverId?: string): Promise<Channel[]> {
    let query = this.#db.from("hub_channels").select().order("created_at").order("name");
    if (serverId) query = query.eq("server_id", serverId);
    return rows(await query);
  }

  /** The agents that a mesh may have, in their order; those that are not enabled too. */
  async fetchModels(): Promise<HubModel[]> {
    return rows(await this.#db.from("hub_models").select().order("position").order("name"));
  }

  /**
   * Stops (or resumes) claiming of a server's tasks; operators of it.
   *
   * @throws {AuraError} server_not_found, role_required
   */
  setServerPaused(serverId: string, paused: boolean): Promise<Server> {
    return this.#rpc("set_server_paused", { server_id: serverId, paused });
  }

  // Running it -------------------------------------------------------------------------------------

  /** Makes a server; admins. */
  async createServer(server: Insert<"hub_servers">): Promise<Server> {
    return row(await this.#db.from("hub_servers").insert(server).select().single());
  }

  /** Changes a server; admins. */
  async updateServer(serverId: string, changes: Update<"hub_servers">): Promise<Server> {
    const query = this.#db.from("hub_servers").update(changes).eq("id", serverId);
    return row(await query.select().single());
  }

  /** Makes a channel; admins of its server. */
  async createChannel(channel: Insert<"hub_channels">): Promise<Channel> {
    return row(await this.#db.from("hub_channels").insert(channel).select().single());
  }

  /** Changes a channel; admins of its server. */
  async updateChannel(channelId: string, changes: Update<"hub_channels">): Promise<Channel> {
    const query = this.#db.from("hub_channels").update(changes).eq("id", channelId);
    return row(await query.select().single());
  }

  /** Deletes a channel with everything in it; admins of its server. */
  async deleteChannel(channelId: string): Promise<void> {
    const query = this.#db.from("hub_channels").delete().eq("id", channelId);
    if (rows(await query.select("id")).length === 0) missing("channel", channelId);
  }

  /** Makes a model that tasks may be given to, or changes one; admins. */
  async saveModel(model: Insert<"hub_models">): Promise<HubModel> {
    return row(
      await this.#db.from("hub_models").upsert(model, { onConflict: "name" }).select().single(),
    );
  }

  /**
   * Changes settings, and returns all of them; admins.
   *
   * @param changes by the names of the columns of `hub.settings`: numbers, and intervals as `"2 hours"`
   * @throws {AuraError} role_required, bad_argument
   */
  updateSettings(changes: Record<string, Json> = {}): Promise<Record<string, Json>> {
    return this.#rpc("update_settings", { changes });
  }

  // Messages ---------------------------------------------------------------------------------------

  /**
   * A page of a channel's messages of no thread: the newest, or those before a row; oldest first.
   *
   * ```ts
   * const newest = await aura.fetchChannelMessages(channelId);
   * const older = await aura.fetchChannelMessages(channelId, { before: newest[0] });
   * ```
   *
   * @throws {AuraError} channel_not_found
   */
  fetchChannelMessages(channelId: string, page: Page = {}): Promise<Message[]> {
    return this.fetchMessagePage({ channelId }, page);
  }

  /**
   * A page of a thread's messages: the newest, or those before a row; oldest first.
   *
   * @throws {AuraError} thread_not_found
   */
  fetchThreadMessages(threadId: string, page: Page = {}): Promise<Message[]> {
    return this.fetchMessagePage({ threadId }, page);
  }

  /**
   * The same of a channel or of a thread.
   *
   * @throws {AuraError} channel_not_found, thread_not_found
   */
  async fetchMessagePage(view: MessageView, page: Page = {}): Promise<Message[]> {
    const query = this.#messages(view).order("created_at", { ascending: false })
      .order("id", { ascending: false }).limit(page.limit ?? 50);
    const messages = rows<Message>(await before(query, page.before)).reverse();
    if (messages.length === 0) await this.#mustExist(view);
    return messages;
  }

  /**
   * A view's messages from a moment on (all of them: null), that moment's included; oldest first.
   *
   * @param since ISO 8601
   * @throws {AuraError} channel_not_found, thread_not_found
   */
  async fetchMessagesSince(view: MessageView, since: string | null): Promise<Message[]> {
    const query = () => this.#messages(view).order("created_at").order("id");
    const messages = await onward(since, query, rows<Message>);
    if (messages.length === 0) await this.#mustExist(view);
    return messages;
  }

  /** These messages, as far as the caller may read them, in no certain order. */
  async fetchMessages(ids: string[]): Promise<Message[]> {
    return await inBatches(
      ids,
      (some) => this.#db.from("hub_channel_messages").select().in("id", some).then(rows<Message>),
    );
  }

  /**
   * Posts the caller's own words, to a channel or to one of its threads; creates no task. With an
   * `id` of the caller's, posting again returns the message that is there.
   *
   * @throws {AuraError} channel_not_found, thread_not_found, thread_archived, channel_read_only,
   *   content_empty, content_too_long (32,000 characters), role_required
   */
  async postChannelMessage(
    channelId: string,
    content: string,
    { id = crypto.randomUUID(), ...options }: {
      id?: string;
      task_thread_id?: string;
      reply_to?: string;
    } = {},
  ): Promise<Message> {
    const message = { id, channel_id: channelId, content, ...options };
    const [posted] = rows<Message>(
      await this.#db.from("hub_channel_messages")
        .upsert(message, { onConflict: "id", ignoreDuplicates: true }).select(),
    );
    return posted ?? (await this.fetchMessages([id]))[0] ?? missing("message", id);
  }

  #messages(view: MessageView) {
    const query = this.#db.from("hub_channel_messages").select();
    return "threadId" in view
      ? query.eq("task_thread_id", view.threadId)
      : query.eq("channel_id", view.channelId).is("task_thread_id", null);
  }

  // Commands ---------------------------------------------------------------------------------------

  /**
   * Runs one command of a command channel and answers at once; nothing is kept of it.
   *
   * ```ts
   * const { chunks } = await aura.executeCommand(channelId, "!hot brooklyn");
   * console.log(chunks.join("\n"));
   * ```
   *
   * @param command `!name arguments`; the `!` may be left out
   * @throws {AuraError} unknown_command (its hint names the nearest), bad_argument (its hint is the usage),
   *   channel_not_found, wrong_architecture, channel_read_only, server_paused, content_empty,
   *   content_too_long, role_required
   */
  executeCommand(channelId: string, command: string): Promise<CommandResult> {
    return this.#rpc("execute_command", { channel_id: channelId, command });
  }

  /** What `executeCommand` takes, by name. */
  listCommands(): Promise<Command[]> {
    return this.#rpc("list_commands", {});
  }

  // Threads ----------------------------------------------------------------------------------------

  /**
   * A page of a channel's threads, newest first.
   *
   * @throws {AuraError} channel_not_found
   */
  async fetchTaskThreads(
    channelId: string,
    page: Page & { status?: ThreadStatus[] } = {},
  ): Promise<Thread[]> {
    let query = this.#db.from("hub_task_threads").select().eq("channel_id", channelId)
      .order("created_at", { ascending: false }).order("id", { ascending: false })
      .limit(page.limit ?? 50);
    if (page.status) query = query.in("status", page.status);
    const threads = rows<Thread>(await before(query, page.before));
    if (threads.length === 0) await this.#mustExist({ channelId });
    return threads;
  }

  /**
   * One thread.
   *
   * @throws {AuraError} thread_not_found
   */
  async fetchThread(threadId: string): Promise<Thread> {
    const [thread] = await this.fetchThreads([threadId]);
    return thread ?? missing("thread", threadId);
  }

  /** Threads whose name has these words in this order, the liveliest first; without words, those. */
  async findThreads(words: string, limit = 10): Promise<Thread[]> {
    const pattern = words.replace(/[\\%_]/g, "\\$&").split(/\s+/).join("%");
    const query = this.#db.from("hub_task_threads").select().ilike("name", `%${pattern}%`);
    return rows(await query.order("last_activity_at", { ascending: false }).limit(limit));
  }

  /** These threads, as far as the caller may read them, in no certain order. */
  async fetchThreads(ids: string[]): Promise<Thread[]> {
    return await inBatches(
      ids,
      (some) => this.#db.from("hub_task_threads").select().in("id", some).then(rows<Thread>),
    );
  }

  /** A channel's threads that are not archived; oldest first. */
  async fetchOpenThreads(channelId: string): Promise<Thread[]> {
    const query = () =>
      this.#db.from("hub_task_threads").select().eq("channel_id", channelId)
        .neq("status", "archived").order("created_at").order("id");
    return await onward(null, query, rows<Thread>);
  }

  /**
   * A channel's threads created from a moment on, archived ones too; oldest first.
   *
   * @param since ISO 8601; null for all of them
   * @throws {AuraError} channel_not_found
   */
  async fetchThreadsSince(channelId: string, since: string | null): Promise<Thread[]> {
    const query = () =>
      this.#db.from("hub_task_threads").select().eq("channel_id", channelId)
        .order("created_at").order("id");
    const threads = await onward(since, query, rows<Thread>);
    if (threads.length === 0) await this.#mustExist({ channelId });
    return threads;
  }

  /**
   * The thread of a task that the caller inserted itself; the same thread again when repeated.
   *
   * @throws {AuraError} channel_not_found, task_not_found, wrong_architecture, channel_read_only,
   *   task_finished
   */
  createTaskThread(channelId: string, taskId: string): Promise<Thread> {
    return this.#rpc("create_task_thread", { channel_id: channelId, task_id: taskId });
  }

  /**
   * Reopens (`active`) or closes (`archived`) a thread.
   *
   * @throws {AuraError} thread_not_found, thread_busy (its task has not ended)
   */
  updateThreadStatus(threadId: string, status: ThreadStatus): Promise<Thread> {
    return this.#rpc("update_thread_status", { thread_id: threadId, status });
  }

  // Tasks ------------------------------------------------------------------------------------------

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
    return this.#rpc("dispatch_task", { channel_id: channelId, content, ...options });
  }

  /**
   * Splits a goal into parallel subtasks, and combines their results.
   *
   * @param options `subtasks`: 1 to 20 requests; without, a list in the goal, or else a device plans them
   * @throws {AuraError} too_many_subtasks, and those of `dispatchTask`
   */
  dispatchTeam(channelId: string, goal: string, options: TeamOptions = {}): Promise<TeamDispatch> {
    return this.#rpc("dispatch_team", { channel_id: channelId, goal, ...options });
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
    let query = this.#db.from("mac_tasks").select().match(columns)
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
    const [task] = rows<Task>(await this.#db.from("mac_tasks").select().eq("id", taskId));
    return task ?? missing("task", taskId);
  }

  /**
   * The tasks whose id starts with these hex digits (the short form `abcd1234`, or the whole id).
   *
   * @throws {AuraError} bad_argument: fewer than four digits, or none
   */
  async findTasks(prefix: string): Promise<Task[]> {
    const [first, last] = idsFrom(prefix, "task");
    const query = this.#db.from("mac_tasks").select().gte("id", first).lte("id", last);
    return rows(await query.order("id").limit(10));
  }

  /** One row per claim of the task, in order. */
  async fetchTaskAttempts(taskId: string): Promise<TaskAttempt[]> {
    const query = this.#db.from("hub_task_attempts").select().eq("task_id", taskId);
    return rows(await query.order("started_at"));
  }

  /**
   * One team: its goal and how far it is.
   *
   * @throws {AuraError} team_not_found
   */
  async fetchTeam(teamId: string): Promise<Team> {
    const [team] = rows<Team>(await this.#db.from("hub_teams").select().eq("id", teamId));
    return team ?? missing("team", teamId);
  }

  /**
   * Ends a pending task at once, a running one as soon as its device has stopped it. The id
   * of a team, of its thread or of its plan cancels all of the team's tasks.
   *
   * @throws {AuraError} task_not_found, task_finished
   */
  cancelTask(taskId: string): Promise<Task> {
    return this.#rpc("cancel_task", { task_id: taskId });
  }

  /**
   * Queues a task again that has failed.
   *
   * @throws {AuraError} task_not_found, task_finished (it is complete or still at work), thread_not_found,
   *   thread_archived, too_many_open_tasks
   */
  retryTask(taskId: string): Promise<Task> {
    return this.#rpc("retry_task", { task_id: taskId });
  }

  /**
   * Pushes the branch of a task that changed something, and opens a pull request: a task for the
   * device that has the branch. The same one while it is unfinished.
   *
   * @throws {AuraError} task_not_found, no_changes, device_not_found, channel_read_only, thread_archived,
   *   too_many_open_tasks
   */
  publishChanges(taskId: string, pullRequest = true): Promise<Task> {
    return this.#rpc("publish_changes", { task_id: taskId, pull_request: pullRequest });
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
    return this.#rpc("review_changes", {
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
    return this.#rpc("explain_task", { task_id: taskId });
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
    return this.#rpc("send_input", { task_id: taskId, content, ...options });
  }

  /** What was said to a task at work, in order. */
  async fetchTaskInputs(taskId: string): Promise<TaskInput[]> {
    const query = this.#db.from("hub_task_inputs").select().eq("task_id", taskId);
    return rows(await query.order("created_at").order("id"));
  }

  // Questions --------------------------------------------------------------------------------------

  /** What agents have asked and nobody has answered (or what is in other states); oldest first. */
  async askedQuestions(
    filter: {
      channel_id?: string;
      task_thread_id?: string;
      task_id?: string;
      state?: QuestionState[];
      limit?: number;
    } = {},
  ): Promise<Question[]> {
    const { limit = 100, state = ["open"], ...columns } = filter;
    const query = this.#db.from("hub_questions").select().match(columns).in("state", state);
    return rows(await query.order("asked_at").order("id").limit(limit));
  }

  /** These questions, as far as the caller may read them, in no certain order. */
  async fetchQuestions(ids: string[]): Promise<Question[]> {
    return await inBatches(
      ids,
      (some) => this.#db.from("hub_questions").select().in("id", some).then(rows<Question>),
    );
  }

  /**
   * The questions whose id starts with these hex digits.
   *
   * @throws {AuraError} bad_argument: fewer than four digits, or none
   */
  async findQuestions(prefix: string): Promise<Question[]> {
    const [first, last] = idsFrom(prefix, "question");
    const query = this.#db.from("hub_questions").select().gte("id", first).lte("id", last);
    return rows(await query.order("id").limit(10));
  }

  /**
   * Answers an open question; the same answer again returns it.
   *
   * ```ts
   * for (const question of await aura.askedQuestions({ channel_id: channelId })) {
   *   await aura.answerQuestion(question.id, { option_id: question.options[0]!.id });
   * }
   * ```
   *
   * @throws {AuraError} question_not_found, question_closed (somebody has answered otherwise, or it is over),
   *   bad_argument, content_too_long (32,000 characters)
   */
  answerQuestion(questionId: string, answer: Answer): Promise<Question> {
    return this.#rpc("answer_question", { question_id: questionId, ...answer });
  }

  // Files ------------------------------------------------------------------------------------------

  /**
   * Announces a file for a request in this channel; upload its bytes, or use `sendFile` for both.
   *
   * @param file `name`: one line, no path; `size` in bytes; `sha256`: 64 hex digits
   * @throws {AuraError} channel_not_found, wrong_architecture, channel_read_only, bad_argument,
   *   file_too_large, too_many_files
   */
  async createFile(
    channelId: string,
    file: { name: string; media_type?: string; size: number; sha256?: string },
  ): Promise<HubFile> {
    const answer = await this.#rpc<{ file: HubFile }>("create_file", {
      channel_id: channelId,
      ...file,
    });
    return answer.file;
  }

  /**
   * Sends a file for a request in this channel: name its id in `dispatchTask`'s `file_ids`.
   *
   * ```ts
   * const file = await aura.sendFile(channelId, "notes.txt", new Blob(["…"], { type: "text/plain" }));
   * await aura.dispatchTask(channelId, "Sum this up", { file_ids: [file.id] });
   * ```
   *
   * @throws {AuraError} file_not_stored, and those of `createFile`
   */
  async sendFile(
    channelId: string,
    name: string,
    bytes: Blob,
    mediaType: string = bytes.type || mediaTypeOf(name),
  ): Promise<HubFile> {
    const file = await this.createFile(channelId, {
      name,
      media_type: mediaType.toLowerCase(),
      size: bytes.size,
      sha256: await digestOf(bytes),
    });
    await uploadBytes(this.#db, file, bytes);
    const [sent] = await this.fetchFiles([file.id]);
    // Success is what the row says, not what the upload answered.
    if (sent?.state === "stored") return sent;
    throw new AuraError(
      "file_not_stored",
      409,
      `The file ${name} has not arrived.`,
      "Send it again.",
    );
  }

  /** A file's bytes, compared with its size and digest. */
  downloadFile(file: HubFile): Promise<Blob> {
    return downloadBytes(this.#db, file);
  }

  /** These files, as far as the caller may read them, in no certain order. */
  async fetchFiles(ids: string[]): Promise<HubFile[]> {
    return await inBatches(
      ids,
      (some) => this.#db.from("hub_files").select().in("id", some).then(rows<HubFile>),
    );
  }

  /** The files of a task: those of its request, and those that its agent left; oldest first. */
  async fetchTaskFiles(taskId: string): Promise<HubFile[]> {
    const query = this.#db.from("hub_files").select().eq("task_id", taskId);
    return rows(await query.order("created_at").order("id"));
  }

  /** The files that these messages show. */
  async fetchMessageFiles(messageIds: string[]): Promise<HubFile[]> {
    const query = (some: string[]) =>
      this.#db.from("hub_files").select().in("message_id", some).order("created_at").order("id");
    return await inBatches(messageIds, (some) => query(some).then(rows<HubFile>));
  }

  // The mesh ---------------------------------------------------------------------------------------

  /** The devices that the caller may know of, by name, each with its models. */
  async fetchDevices(): Promise<DeviceWithModels[]> {
    const [devices, models] = await Promise.all([
      this.#db.from("mesh_devices").select().order("name").then(rows<Device>),
      this.#db.from("mesh_device_models").select().order("model")
        .then(rows<DeviceWithModels["models"][number]>),
    ]);
    return devices.map((device) => ({
      ...device,
      models: models.filter((model) => model.device_id === device.id),
    }));
  }

  /**
   * Enrols a device, or gives it a new token; the token is shown this once. `servers` are the only ones that
   * it works for; without, all on which the caller is an operator.
   *
   * @throws {AuraError} bad_argument, server_not_found, role_required, device_name_taken
   */
  registerDevice(
    name: string,
    platform: Platform,
    models: (Model | { model: Model; version?: string })[],
    options: { max_running?: number; servers?: string[] } = {},
  ): Promise<Registration> {
    return this.#rpc("register_device", { name, platform, models: models as Json, ...options });
  }

  /**
   * A draining device finishes what it runs and claims nothing more; operators.
   *
   * @throws {AuraError} device_not_found, role_required
   */
  setDeviceDraining(deviceId: string, draining: boolean): Promise<Device> {
    return this.#rpc("set_device_draining", { device_id: deviceId, draining });
  }

  /**
   * Removes a device with its token; what it runs goes back when its lease ends.
   *
   * @throws {AuraError} device_not_found, role_required
   */
  removeDevice(deviceId: string): Promise<Device> {
    return this.#rpc("remove_device", { device_id: deviceId });
  }

  /**
   * Attempts and waits by the hour, for the last 24 hours or so many.
   *
   * @param hours 1 to 168
   * @throws {AuraError} bad_argument
   */
  fetchMeshActivity(hours?: number): Promise<MeshActivity> {
    return this.#rpc("mesh_activity", hours === undefined ? {} : { hours });
  }

  // Routing ----------------------------------------------------------------------------------------

  /**
   * What a dispatch of this request to this channel would become, without dispatching it.
   *
   * @throws {AuraError} channel_not_found, content_empty, content_too_long
   */
  explainRoute(channelId: string, content: string): Promise<Route> {
    return this.#rpc("explain_route", { channel_id: channelId, content });
  }

  /** The rules in their order. */
  listRoutingRules(): Promise<RoutingRule[]> {
    return this.#rpc("list_routing_rules", {});
  }

  /**
   * Changes the rule at its position, or adds it there.
   *
   * @throws {AuraError} role_required, bad_argument, content_too_long
   */
  saveRoutingRule({ position, ...rule }: RoutingRule): Promise<RoutingRule> {
    return this.#rpc("save_routing_rule", { rule: position, ...rule });
  }

  /** @throws {AuraError} role_required, bad_argument */
  removeRoutingRule(position: number): Promise<RoutingRule> {
    return this.#rpc("remove_routing_rule", { rule: position });
  }

  // Members ----------------------------------------------------------------------------------------

  /** Who is signed in, and as what; the limits and the version of the hub. */
  whoami(): Promise<Caller> {
    return this.#rpc("whoami", {});
  }

  /** Who has a role of their own: all of them for admins, else the caller alone. */
  async fetchMembers(): Promise<Member[]> {
    return rows(await this.#db.from("hub_members").select().order("user_id"));
  }

  /**
   * Gives somebody a role everywhere; admins.
   *
   * @throws {AuraError} user_not_found, role_required, last_admin
   */
  setMemberRole(userId: string, role: Role): Promise<Member> {
    return this.#rpc("set_member_role", { user_id: userId, role });
  }

  /**
   * Who has an account, by name, the first 200. With a server, what they are there, for its admins; else
   * for those of the whole. `search` is a part of a name or an address.
   *
   * @throws {AuraError} role_required, server_not_found, content_too_long
   */
  listPeople(options: { server_id?: string; search?: string } = {}): Promise<Person[]> {
    return this.#rpc("list_people", options);
  }

  /**
   * Gives somebody a role on one server; null takes it away again, and the server's default holds.
   *
   * @throws {AuraError} server_not_found, role_required, user_not_found
   */
  setServerRole(
    serverId: string,
    userId: string,
    role: ServerRole | null,
  ): Promise<{ server_id: string; user_id: string; role: ServerRole | null }> {
    return this.#rpc("set_server_role", { server_id: serverId, user_id: userId, role });
  }

  // ------------------------------------------------------------------------------------------------

  /** The generated types know an RPC's jsonb only as Json: the contract says what it holds. */
  async #rpc<Result>(name: keyof Functions & string, args: Record<string, unknown>) {
    // deno-lint-ignore no-explicit-any -- one function for calls whose arguments differ
    return row<Result>(await this.#db.rpc(name as any, args as any));
  }

  /** An empty page of something that is not there is an error, not an empty page. */
  async #mustExist(view: MessageView) {
    const [table, noun, id] = "threadId" in view
      ? ["hub_task_threads", "thread", view.threadId] as const
      : ["hub_channels", "channel", view.channelId] as const;
    const found = rows<{ id: string }>(await this.#db.from(table).select("id").eq("id", id));
    if (found.length === 0) missing(noun, id);
  }
}

interface Reply {
  data: unknown;
  error: PostgrestError | null;
  status: number;
}

function row<Row>({ data, error, status }: Reply): Row {
  if (error) throw toAuraError(error, status);
  return data as Row;
}

function rows<Row>(reply: Reply): Row[] {
  return row<Row[]>(reply);
}

async function inBatches<Row>(ids: string[], fetch: (some: string[]) => PromiseLike<Row[]>) {
  const found: Row[] = [];
  for (let start = 0; start < ids.length; start += IDS_PER_REQUEST) {
    found.push(...await fetch(ids.slice(start, start + IDS_PER_REQUEST)));
  }
  return found;
}

function missing(noun: string, id: string): never {
  throw new AuraError(`${noun}_not_found`, 404, `There is no ${noun} ${id}.`);
}

/** The first and the last id that start so. */
function idsFrom(prefix: string, noun: string): [string, string] {
  const hex = prefix.replaceAll("-", "").toLowerCase();
  if (!/^[0-9a-f]{4,32}$/.test(hex)) {
    const sentence = `"${prefix}" is not a ${noun} id.`;
    throw new AuraError("bad_argument", 400, sentence, "Give its first eight hex digits.");
  }
  return [uuid(hex.padEnd(32, "0")), uuid(hex.padEnd(32, "f"))];
}

function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
