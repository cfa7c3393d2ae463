import { type Embed, eventOf, type Message, type Task } from "@aura-servers/client";
import { ChangesLink } from "../tasks/ChangesLink.tsx";
import { TaskChip } from "../tasks/TaskChip.tsx";
import { shortId } from "../tasks/taskState.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { RichText } from "../ui/RichText.tsx";
import { clockTime, fullTime } from "../ui/time.ts";
import { EmbedFields } from "./EmbedFields.tsx";
import styles from "./EmbedMessage.module.css";
import { Row } from "./Row.tsx";
import { taskIdOf } from "./taskIdOf.ts";

const cssColor = (color: number) => `#${(color & 0xffffff).toString(16).padStart(6, "0")}`;

/** A card with a coloured edge; the message's content (a result, an error) stands below its fields. */
export function EmbedMessage(
  { message, embed, task, repeats }: {
    message: Message;
    embed: Embed;
    task?: Task;
    /** The description says what stands right above. */
    repeats: boolean;
  },
) {
  const id = taskIdOf(message);
  const queued = eventOf(message) === "task_queued";
  // Once a device has taken the task, it is no longer pending.
  const fields = embed.fields?.map((field) =>
    queued && task?.claimed_by && field.name === "Device"
      ? { ...field, value: task.claimed_by }
      : field
  );
  const body = message.content !== embed.title && message.content !== embed.description
    ? message.content
    : "";
  return (
    <Row name={`${embed.title}, ${clockTime(message.created_at)}`}>
      <section
        className={styles.embed}
        style={typeof embed.color === "number"
          ? { "--edge": cssColor(embed.color) } as React.CSSProperties
          : undefined}
      >
        <header className={styles.head}>
          <div className={styles.title}>
            <h3>{embed.title}</h3>
            {queued && task && <TaskChip task={task} />}
            {id && <TaskTag id={id} quiet />}
          </div>
          <time dateTime={message.created_at} title={fullTime(message.created_at)}>
            {clockTime(message.created_at)}
          </time>
        </header>
        {embed.description && !repeats && <RichText text={embed.description} />}
        {fields && fields.length > 0 && <EmbedFields fields={fields} />}
        {body && (
          <div className={styles.body}>
            <RichText text={body} />
          </div>
        )}
        {eventOf(message) === "task_completed" && task?.changes && (
          <ChangesLink taskId={task.id} changes={task.changes} />
        )}
        {embed.footer && embed.footer !== (id && shortId(id)) && (
          <footer className={styles.footer}>{embed.footer}</footer>
        )}
      </section>
    </Row>
  );
}
