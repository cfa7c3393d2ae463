import { useQueryClient } from "@tanstack/react-query";
import { Network, Plus } from "lucide-react";
import { useEffect, useState } from "react";
import { useDevices } from "../data/useDevices.ts";
import { useOpenTasks } from "../data/useOpenTasks.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { Button } from "../ui/Button.tsx";
import { Failure } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Activity } from "./Activity.tsx";
import { DeviceCard } from "./DeviceCard.tsx";
import styles from "./MeshPage.module.css";
import { RegisterDevice } from "./RegisterDevice.tsx";
import { WaitingTasks } from "./WaitingTasks.tsx";

/** The devices that run tasks, what they run now, and how the last day went. */
export function MeshPage({ mayAct }: { mayAct: boolean }) {
  const { devices, error, refresh } = useDevices();
  const tasks = useOpenTasks();
  const queries = useQueryClient();
  const open = tasks?.length;
  // A task that came or ended is in the charts too.
  useEffect(() => void queries.invalidateQueries({ queryKey: ["activity"] }), [open]);
  const [registering, setRegistering] = useState(false);
  const online = devices?.filter(({ status }) => status !== "offline").length ?? 0;
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Mesh</h1>
        {devices && <p>{online} of {devices.length} devices online</p>}
        {mayAct && (
          <Button className={styles.add} onClick={() => setRegistering(true)}>
            <Plus size={15} aria-hidden="true" /> Add device
          </Button>
        )}
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Mesh">
        <Activity />
        {error !== null && (
          <Failure title="The devices could not be read" error={error} retry={refresh} />
        )}
        {!devices && !error && <Loading label="Loading devices" />}
        {devices?.length === 0 && (
          <Notice icon={Network} title="No devices yet">
            <p>Tasks wait until a Mac or Linux machine joins the mesh.</p>
          </Notice>
        )}
        {devices && devices.length > 0 && (
          <section aria-labelledby="devices">
            <h2 id="devices" className={styles.title}>Devices</h2>
            <div className={styles.devices}>
              {devices.map((device) => (
                <DeviceCard
                  key={device.id}
                  {...{ device, mayAct }}
                  running={tasks?.filter(({ status, claimed_by }) =>
                    status === "running" && claimed_by === device.name
                  ) ?? []}
                />
              ))}
            </div>
          </section>
        )}
        <WaitingTasks tasks={tasks?.filter(({ status }) => status === "pending") ?? []} />
      </div>
      <RegisterDevice open={registering} close={() => setRegistering(false)} />
    </>
  );
}
