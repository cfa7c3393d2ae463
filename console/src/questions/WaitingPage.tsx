import type { Question } from "@aura-servers/client";
import { CircleCheck } from "lucide-react";
import { Link } from "wouter";
import type { ServerWithChannels } from "../data/useServers.ts";
import { channelPath, threadPath } from "../shell/paths.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { Notice } from "../ui/Notice.tsx";
import { QuestionCard } from "./QuestionCard.tsx";
import styles from "./WaitingPage.module.css";

interface Props {
  /** The open ones, oldest first. */
  questions: Question[];
  servers: ServerWithChannels[];
}

/** Everything on all servers that waits for a person. */
export function WaitingPage({ questions, servers }: Props) {
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Waiting for you</h1>
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Open questions">
        {questions.length === 0 && (
          <Notice icon={CircleCheck} title="Nothing waits for you">
            <p>When an agent asks something, it is listed here.</p>
          </Notice>
        )}
        <ul className={styles.list}>
          {questions.map((question) => (
            <li key={question.id}>
              <Place question={question} servers={servers} />
              <QuestionCard id={question.id} />
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

/** Where it was asked. */
function Place({ question, servers }: { question: Question; servers: ServerWithChannels[] }) {
  const server = servers.find(({ channels }) =>
    channels.some(({ id }) => id === question.channel_id)
  );
  const channel = server?.channels.find(({ id }) => id === question.channel_id);
  if (!server || !channel) return null;
  const href = question.task_thread_id
    ? threadPath(server, channel, question.task_thread_id)
    : channelPath(server, channel);
  return <Link href={href} className={styles.place}>{server.display_name} · #{channel.name}</Link>;
}
