import type { Channel, Server } from "@aura-servers/client";
import { Hash, Rss } from "lucide-react";
import type { ReactNode } from "react";
import { BackLink } from "../ui/BackLink.tsx";
import styles from "./ChannelHeader.module.css";
import { NoticeSwitch } from "./NoticeSwitch.tsx";
import { serverPath } from "./paths.ts";

/** A channel's name, what it is for, and where its tasks run. */
export function ChannelHeader(
  { server, channel, children }: { server: Server; channel: Channel; children?: ReactNode },
) {
  const Icon = channel.is_read_only ? Rss : Hash;
  return (
    <header className={styles.header}>
      <BackLink href={serverPath(server)} label="All channels" on="phone" />
      <Icon size={18} className={styles.icon} aria-hidden="true" />
      <h1>{channel.name}</h1>
      {channel.description && <p className={styles.description}>{channel.description}</p>}
      <div className={styles.end}>
        {channel.project_path && (
          <code className={styles.path} title="Working directory">{channel.project_path}</code>
        )}
        {channel.project_path && channel.model_preference !== "any" && (
          <span className={styles.model} title="Preferred model">{channel.model_preference}</span>
        )}
        <NoticeSwitch channelId={channel.id} />
        {children}
      </div>
    </header>
  );
}
