import { AuraError } from "../errors.ts";
import { digestOf, downloadBytes, mediaTypeOf, uploadBytes } from "../files.ts";
import type { HubFile } from "../rows.ts";
import { inBatches, rows } from "./base.ts";
import { QuestionCalls } from "./questions.ts";

/** Files of requests, and those that agents leave. */
export class FileCalls extends QuestionCalls {
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
    const answer = await this.rpc<{ file: HubFile }>("create_file", {
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
    await uploadBytes(this.db, file, bytes);
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
    return downloadBytes(this.db, file);
  }

  /** These files, as far as the caller may read them, in no certain order. */
  async fetchFiles(ids: string[]): Promise<HubFile[]> {
    return await inBatches(
      ids,
      (some) => this.db.from("hub_files").select().in("id", some).then(rows<HubFile>),
    );
  }

  /** The files of a task: those of its request, and those that its agent left; oldest first. */
  async fetchTaskFiles(taskId: string): Promise<HubFile[]> {
    const query = this.db.from("hub_files").select().eq("task_id", taskId);
    return rows(await query.order("created_at").order("id"));
  }

  /** The files that these messages show. */
  async fetchMessageFiles(messageIds: string[]): Promise<HubFile[]> {
    const query = (some: string[]) =>
      this.db.from("hub_files").select().in("message_id", some).order("created_at").order("id");
    return await inBatches(messageIds, (some) => query(some).then(rows<HubFile>));
  }
}
