import { useLocation } from "wouter";
import { useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { panelPath } from "../shell/paths.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import styles from "./AdminPage.module.css";
import { ModelsPanel } from "./ModelsPanel.tsx";
import { panels } from "./panels.ts";
import { PeoplePanel } from "./PeoplePanel.tsx";
import { RoutingPanel } from "./RoutingPanel.tsx";
import { ServersPanel } from "./ServersPanel.tsx";
import { SettingsPanel } from "./SettingsPanel.tsx";
import { UsagePanel } from "./UsagePanel.tsx";

interface Props {
  servers: ServerWithChannels[];
  panel: string | undefined;
  /** Who is looked for among people. */
  words: string;
}

/** What admins run the place with. An admin of single servers has theirs only. */
export function AdminPage({ servers, panel, words }: Props) {
  const everywhere = useCaller().role === "admin";
  const [, go] = useLocation();
  const own = panels(everywhere);
  const shown = panel && panel in own ? panel : "servers";
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Administration</h1>
        <SegmentedControl
          label="Show"
          value={shown}
          options={own}
          change={(next) => go(panelPath(next))}
        />
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Administration">
        {shown === "servers" && <ServersPanel servers={servers} everywhere={everywhere} />}
        {shown === "people" && <PeoplePanel key={words} {...{ servers, everywhere, words }} />}
        {shown === "usage" && <UsagePanel servers={servers} everywhere={everywhere} />}
        {shown === "models" && <ModelsPanel />}
        {shown === "routing" && <RoutingPanel servers={servers} />}
        {shown === "settings" && <SettingsPanel />}
      </div>
    </>
  );
}
