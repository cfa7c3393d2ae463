import type { Channel, Role } from "@aura-servers/client";
import { MessageCircleQuestionMark, Network, Search, Settings } from "lucide-react";
import { Link, useRoute } from "wouter";
import { roleOn, useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { Logo } from "../ui/Logo.tsx";
import { ServerIcon } from "../ui/ServerIcon.tsx";
import { AccountMenu } from "./AccountMenu.tsx";
import { adminPath, meshPath, searchPath, serverPath, waitingPath } from "./paths.ts";
import styles from "./ServerRail.module.css";

interface Props {
  servers: ServerWithChannels[];
  current?: ServerWithChannels;
  role: Role;
  /** The name of who is signed in. */
  label: string;
  isUnread: (channel: Channel) => boolean;
  /** How many questions wait for a person. */
  waiting: number;
}

/** The servers, one icon each, with the mesh and the account below. */
export function ServerRail({ servers, current, role, label, isUnread, waiting }: Props) {
  const admin = roleOn(useCaller(), undefined) === "admin";
  const [onAdmin] = useRoute(`${adminPath}/:panel?/:words?`);
  const [onMesh] = useRoute(meshPath);
  const [onSearch] = useRoute("/search/*?");
  const [onWaiting] = useRoute(waitingPath);
  return (
    <nav className={styles.rail} aria-label="Servers">
      <Link href="/" className={styles.logo} aria-label="Aura Servers">
        <Logo size={30} />
      </Link>
      <ul className={styles.list}>
        {servers.map((server) => {
          const unread = server.channels.some(isUnread);
          return (
            <li key={server.id}>
              <Link
                href={serverPath(server)}
                className={styles.item}
                aria-current={!onMesh && !onWaiting && !onAdmin && !onSearch &&
                    server.id === current?.id
                  ? "true"
                  : undefined}
                aria-label={`${server.display_name}${unread ? ", unread" : ""}`}
                title={server.display_name}
                data-unread={unread || undefined}
                data-paused={server.paused_at ? true : undefined}
              >
                <ServerIcon name={server.icon} />
              </Link>
            </li>
          );
        })}
      </ul>
      <Link
        href={searchPath()}
        className={styles.item}
        aria-current={onSearch ? "page" : undefined}
        aria-label="Search"
        title="Search"
      >
        <Search size={20} strokeWidth={1.9} aria-hidden="true" />
      </Link>
      <Link
        href={waitingPath}
        className={styles.item}
        aria-current={onWaiting ? "page" : undefined}
        aria-label={waiting ? `Waiting for you: ${waiting}` : "Waiting for you"}
        title="Waiting for you"
      >
        <MessageCircleQuestionMark size={20} strokeWidth={1.9} aria-hidden="true" />
        {waiting > 0 && <span className={styles.count}>{waiting > 99 ? "99+" : waiting}</span>}
      </Link>
      <Link
        href={meshPath}
        className={styles.item}
        aria-current={onMesh ? "page" : undefined}
        aria-label="Mesh"
        title="Mesh"
      >
        <Network size={20} strokeWidth={1.9} aria-hidden="true" />
      </Link>
      {admin && (
        <Link
          href={adminPath}
          className={styles.item}
          aria-current={onAdmin ? "page" : undefined}
          aria-label="Administration"
          title="Administration"
        >
          <Settings size={20} strokeWidth={1.9} aria-hidden="true" />
        </Link>
      )}
      <AccountMenu role={role} name={label} />
    </nav>
  );
}
