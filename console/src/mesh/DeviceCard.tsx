import { type DeviceWithModels, type Task, versionProblem } from "@aura-servers/client";
import { Switch } from "@base-ui/react/switch";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Laptop, MonitorCog, Server } from "lucide-react";
import { useBackend } from "../data/aura.ts";
import { useCaller } from "../data/caller.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { Age, Elapsed } from "../ui/Age.tsx";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import styles from "./DeviceCard.module.css";
import { DeviceServers } from "./DeviceServers.tsx";
import { ModelBadge } from "./ModelBadge.tsx";

interface Props {
  device: DeviceWithModels;
  running: Task[];
  mayAct: boolean;
}

const icons = { macos: Laptop, linux: Server, windows: MonitorCog };
const platforms = { macos: "macOS", linux: "Linux", windows: "Windows" };

/** One device: whether it is there, its models, what it runs, and the switch that drains it. */
export function DeviceCard({ device, running, mayAct }: Props) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const drain = useMutation({
    mutationFn: (draining: boolean) => aura.setDeviceDraining(device.id, draining),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["devices"] }),
  });
  const remove = useMutation({
    mutationFn: () => aura.removeDevice(device.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["devices"] }),
  });
  const caller = useCaller();
  const isOwn = device.registered_by === caller.user_id;
  const servers = device.server_ids?.map((id) =>
    caller.servers.find(({ server_id }) => server_id === id)?.name ?? "another"
  );
  const problem = device.agent_version &&
    versionProblem(caller.version, "this device's executor", device.agent_version);
  const Icon = icons[device.platform];
  return (
    <article
      className={styles.card}
      aria-label={`Device ${device.name}`}
      data-status={device.status}
    >
      <header className={styles.head}>
        <Icon size={18} aria-hidden="true" />
        <h3 title={device.name}>{device.name}</h3>
        <span className={styles.status}>
          <span className={styles.dot} aria-hidden="true" />
          {device.status}
        </span>
      </header>
      <p className={styles.line}>
        {platforms[device.platform]} · {running.length} of {device.max_running} running
        {device.status === "offline" && (device.last_seen_at
          ? (
            <>
              {" · seen "}
              <Age since={device.last_seen_at} ago />
            </>
          )
          : " · never seen")}
      </p>
      {(servers || isOwn) && (
        <p className={styles.line}>
          {[servers && `for ${servers.join(", ")} alone`, isOwn && "registered by you"]
            .filter(Boolean).join(" · ")}
        </p>
      )}
      {problem && <p className={styles.problem}>{problem}</p>}
      <ul className={styles.models} aria-label="Models">
        {device.models.map((model) => (
          <li key={model.model}>
            <ModelBadge model={model} />
          </li>
        ))}
        {device.models.length === 0 && <li>No models</li>}
      </ul>
      {running.length > 0 && (
        <ul className={styles.tasks} aria-label="Running tasks">
          {running.map((task) => (
            <li key={task.id}>
              <TaskTag id={task.id} />
              <span className={styles.content} dir="auto">{task.content}</span>
              {task.started_at && <Elapsed from={task.started_at} />}
            </li>
          ))}
        </ul>
      )}
      {mayAct && (
        <label className={styles.drain}>
          <Switch.Root
            className={styles.switch}
            checked={device.draining}
            disabled={drain.isPending}
            onCheckedChange={(checked) => drain.mutate(checked)}
          >
            <Switch.Thumb className={styles.thumb} />
          </Switch.Root>
          Draining
          <span>finishes what it runs, takes nothing new</span>
        </label>
      )}
      {(isOwn && mayAct || caller.role === "admin") && (
        <footer className={styles.foot}>
          <DeviceServers device={device} />
          <Button
            look="danger"
            disabled={remove.isPending}
            onClick={() => {
              if (
                confirm(`Remove ${device.name}? Its token stops working, and its tasks go back.`)
              ) {
                remove.mutate();
              }
            }}
          >
            Remove
          </Button>
        </footer>
      )}
      <Refusal error={drain.error ?? remove.error} />
    </article>
  );
}
