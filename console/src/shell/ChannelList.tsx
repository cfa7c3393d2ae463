import type { Channel } from "@aura-servers/client";
import { Hash, Rss } from "lucide-react";
import { Link } from "wouter";
import { channelGroups } from "../data/channelGroups.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import styles from "./ChannelList.module.css";
import { PauseButton } from "./PauseButton.tsx";
import { channelPath } from "./paths.ts";

interface Props {
  server?: ServerWithChannels;
  current?: Channel;
  mayAct: boolean;
  isUnread: (channel: Channel) => boolean;
}

/** A server's channels under their categories; unread ones are bold and dotted. */
export function ChannelList({ server, current, mayAct, isUnread }: Props) {
  if (!server) return <div className={styles.side} />;
  const groups = channelGroups(server.channels);
  return (
    <nav className={styles.side} aria-label={`Channels of ${server.display_name}`}>
      <header className={styles.head}>
        <h2 title={server.description ?? undefined}>{server.display_name}</h2>
        {server.architecture_type !== "command_dispatch" && mayAct && (
          <PauseButton server={server} />
        )}
      </header>
      {server.paused_at && <p className={styles.paused}>Paused: no new task is started.</p>}
      <div className={styles.groups}>
        {[...groups].map(([group, channels]) => (
          <section key={group} aria-label={group}>
            <h3>{group}</h3>
            <ul>
              {channels.map((channel) => {
                const unread = channel.id !== current?.id && isUnread(channel);
                const Icon = channel.is_read_only ? Rss : Hash;
                return (
                  <li key={channel.id}>
                    <Link
                      href={channelPath(server, channel)}
                      className={styles.channel}
                      aria-current={channel.id === current?.id ? "page" : undefined}
                      data-unread={unread || undefined}
                      title={channel.description ?? undefined}
                    >
                      <Icon size={15} aria-hidden="true" />
                      <span>{channel.name}</span>
                      {channel.is_read_only && <span className="sr-only">, read-only</span>}
                      {unread && <span className="sr-only">, unread</span>}
                    </Link>
                  </li>
                );
              })}
            </ul>
          </section>
        ))}
      </div>
    </nav>
  );
}
