import type { Architecture, Channel } from "@aura-servers/client";
import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { useBackend } from "../data/aura.ts";
import { channelGroups } from "../data/channelGroups.ts";
import { roleOn, useCaller } from "../data/caller.ts";
import { useModels } from "../data/useModels.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { Button } from "../ui/Button.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import styles from "./AdminPage.module.css";
import { EntryForm, textOf } from "./EntryForm.tsx";
import { MoveButtons } from "./MoveButtons.tsx";

const patterns: Record<Architecture, string> = {
  flat_task_pipeline: "Tasks report in the channel",
  threaded_task_isolation: "Each task has a thread",
  command_dispatch: "Messages are commands",
};

/** Whoever has no role of their own on a server has this one. */
const defaultRoles = {
  "": "As everywhere",
  none: "None: it is private",
  viewer: "Viewer",
  operator: "Operator",
};

type Edited =
  | { what: "server"; server?: ServerWithChannels }
  | { what: "channel"; server: ServerWithChannels; channel?: Channel };

/** Every server with its channels, to be made, changed and put in order. */
export function ServersPanel(
  { servers, everywhere }: { servers: ServerWithChannels[]; everywhere: boolean },
) {
  const { aura } = useBackend();
  const caller = useCaller();
  const refreshed = useRefreshed();
  const [edited, edit] = useState<Edited | null>(null);
  const own = servers.filter(({ id }) => roleOn(caller, id) === "admin");
  return (
    <div className={styles.list}>
      {own.map((server) => {
        const groups = [...channelGroups(server.channels).values()];
        return (
          <section key={server.id} className={styles.section} aria-label={server.display_name}>
            <div className={styles.head}>
              <h2>{server.display_name}</h2>
              {everywhere && (
                <>
                  <MoveButtons
                    id={server.id}
                    label={server.display_name}
                    groups={own.map(({ id }) => [id])}
                    keep={(ids) => refreshed(aura.orderServers(ids))}
                  />
                  <IconButton
                    icon={Pencil}
                    size={15}
                    label={`Edit ${server.display_name}`}
                    onClick={() => edit({ what: "server", server })}
                  />
                </>
              )}
              <IconButton
                icon={Plus}
                size={16}
                label={`Add a channel to ${server.display_name}`}
                onClick={() => edit({ what: "channel", server })}
              />
            </div>
            {groups.flat().map((channel) => (
              <div key={channel.id} className={styles.row}>
                <span className={styles.name}>#{channel.name}</span>
                <small>{channel.category_group}</small>
                {channel.is_read_only && <small>read-only</small>}
                <MoveButtons
                  id={channel.id}
                  label={`#${channel.name}`}
                  groups={groups.map((channels) => channels.map(({ id }) => id))}
                  keep={(ids) => refreshed(aura.orderChannels(server.id, ids))}
                />
                <IconButton
                  icon={Pencil}
                  size={15}
                  label={`Edit #${channel.name}`}
                  onClick={() => edit({ what: "channel", server, channel })}
                />
              </div>
            ))}
          </section>
        );
      })}
      {everywhere && (
        <div>
          <Button onClick={() => edit({ what: "server" })}>
            <Plus size={15} aria-hidden="true" /> Add server
          </Button>
        </div>
      )}
      {edited?.what === "server" && <ServerForm server={edited.server} close={() => edit(null)} />}
      {edited?.what === "channel" && (
        <ChannelForm
          server={edited.server}
          channel={edited.channel}
          close={() => edit(null)}
        />
      )}
    </div>
  );
}

function useRefreshed() {
  const queries = useQueryClient();
  return async (change: Promise<unknown>) => {
    await change;
    await queries.invalidateQueries({ queryKey: ["servers"] });
    await queries.invalidateQueries({ queryKey: ["whoami"] });
  };
}

function ServerForm({ server, close }: { server?: ServerWithChannels; close: () => void }) {
  const { aura } = useBackend();
  const refreshed = useRefreshed();
  const save = (form: FormData) => {
    const name = textOf(form, "name") ?? "";
    const columns = {
      name,
      display_name: textOf(form, "display_name") ?? name,
      description: textOf(form, "description"),
      default_role: textOf(form, "default_role"),
    };
    return refreshed(
      server ? aura.updateServer(server.id, columns) : aura.createServer({
        ...columns,
        architecture_type: form.get("architecture_type") as Architecture,
      }),
    );
  };
  return (
    <EntryForm title={server ? server.display_name : "Add a server"} close={close} save={save}>
      <label>
        Name
        <input name="name" required pattern="[a-z0-9\-]{1,64}" defaultValue={server?.name} />
      </label>
      <label>
        Shown as
        <input name="display_name" defaultValue={server?.display_name} />
      </label>
      <label>
        What it is for
        <input name="description" defaultValue={server?.description ?? ""} />
      </label>
      {!server && (
        <label>
          Pattern
          <select name="architecture_type">
            {Object.entries(patterns).map(([value, label]) => (
              <option key={value} value={value}>{label}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        Role of whoever has none of their own here
        <select name="default_role" defaultValue={server?.default_role ?? ""}>
          {Object.entries(defaultRoles).map(([value, label]) => (
            <option key={value} value={value}>{label}</option>
          ))}
        </select>
      </label>
    </EntryForm>
  );
}

function ChannelForm(
  { server, channel, close }: {
    server: ServerWithChannels;
    channel?: Channel;
    close: () => void;
  },
) {
  const { aura } = useBackend();
  const models = useModels();
  const refreshed = useRefreshed();
  const save = (form: FormData) => {
    const name = textOf(form, "name") ?? "";
    const columns = {
      name,
      display_name: `#${name}`,
      description: textOf(form, "description"),
      category_group: textOf(form, "category_group"),
      project_path: textOf(form, "project_path"),
      model_preference: textOf(form, "model_preference") ?? "any",
      is_read_only: form.get("is_read_only") !== null,
      idle_after: textOf(form, "idle_after"),
      archive_after: textOf(form, "archive_after"),
      keep_for: textOf(form, "keep_for"),
    };
    return refreshed(
      channel
        ? aura.updateChannel(channel.id, columns)
        : aura.createChannel({ ...columns, server_id: server.id }),
    );
  };
  const threaded = server.architecture_type === "threaded_task_isolation";
  return (
    <EntryForm
      title={channel ? `#${channel.name}` : `Add a channel to ${server.display_name}`}
      close={close}
      save={save}
      remove={channel && (() => refreshed(aura.deleteChannel(channel.id)))}
    >
      <label>
        Name
        <input name="name" required pattern="[a-z0-9\-]{1,64}" defaultValue={channel?.name} />
      </label>
      <label>
        What it is for
        <input name="description" defaultValue={channel?.description ?? ""} />
      </label>
      <label>
        Group
        <input name="category_group" defaultValue={channel?.category_group ?? ""} />
      </label>
      {server.architecture_type !== "command_dispatch" && (
        <>
          <label>
            Working directory
            <input name="project_path" defaultValue={channel?.project_path ?? ""} />
          </label>
          <label>
            Model
            <select name="model_preference" defaultValue={channel?.model_preference ?? "any"}>
              <option value="any">Any</option>
              {models.map(({ name, label }) => <option key={name} value={name}>{label}</option>)}
            </select>
          </label>
        </>
      )}
      {threaded && (
        <>
          <label>
            A thread is idle after (such as 2 hours; nothing: as set for all)
            <input name="idle_after" defaultValue={String(channel?.idle_after ?? "")} />
          </label>
          <label>
            and archived after that (such as 1 hour)
            <input name="archive_after" defaultValue={String(channel?.archive_after ?? "")} />
          </label>
        </>
      )}
      <label>
        Messages are kept for (such as 90 days; nothing: for ever)
        <input name="keep_for" defaultValue={String(channel?.keep_for ?? "")} />
      </label>
      <label>
        <input type="checkbox" name="is_read_only" defaultChecked={channel?.is_read_only} />
        Read-only
      </label>
    </EntryForm>
  );
}
