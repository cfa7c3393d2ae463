import { useState } from "react";
import { useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import styles from "./AdminPage.module.css";
import { ModelsPanel } from "./ModelsPanel.tsx";
import { ServersPanel } from "./ServersPanel.tsx";
import { SettingsPanel } from "./SettingsPanel.tsx";

type Shown = "servers" | "models" | "settings";

/** What admins run the place with. An admin of single servers has their channels only. */
export function AdminPage({ servers }: { servers: ServerWithChannels[] }) {
  const everywhere = useCaller().role === "admin";
  const [shown, show] = useState<Shown>("servers");
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Administration</h1>
        {everywhere && (
          <SegmentedControl<Shown>
            label="Show"
            value={shown}
            options={{ servers: "Servers", models: "Models", settings: "Settings" }}
            change={show}
          />
        )}
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Administration">
        {shown === "servers" && <ServersPanel servers={servers} everywhere={everywhere} />}
        {shown === "models" && <ModelsPanel />}
        {shown === "settings" && <SettingsPanel />}
      </div>
    </>
  );
}
