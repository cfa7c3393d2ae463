import { useState } from "react";
import { useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import styles from "./AdminPage.module.css";
import { ModelsPanel } from "./ModelsPanel.tsx";
import { PeoplePanel } from "./PeoplePanel.tsx";
import { RoutingPanel } from "./RoutingPanel.tsx";
import { ServersPanel } from "./ServersPanel.tsx";
import { SettingsPanel } from "./SettingsPanel.tsx";

const panels = {
  servers: "Servers",
  people: "People",
  models: "Models",
  routing: "Routing",
  settings: "Settings",
};
/** An admin of single servers has these. */
const ofServers = { servers: panels.servers, people: panels.people };

type Shown = keyof typeof panels;

/** What admins run the place with. An admin of single servers has their channels and people only. */
export function AdminPage({ servers }: { servers: ServerWithChannels[] }) {
  const everywhere = useCaller().role === "admin";
  const [shown, show] = useState<Shown>("servers");
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Administration</h1>
        <SegmentedControl<Shown>
          label="Show"
          value={shown}
          options={(everywhere ? panels : ofServers) as typeof panels}
          change={show}
        />
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Administration">
        {shown === "servers" && <ServersPanel servers={servers} everywhere={everywhere} />}
        {shown === "people" && <PeoplePanel servers={servers} everywhere={everywhere} />}
        {shown === "models" && <ModelsPanel />}
        {shown === "routing" && <RoutingPanel servers={servers} />}
        {shown === "settings" && <SettingsPanel />}
      </div>
    </>
  );
}
