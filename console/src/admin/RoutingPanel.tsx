import type { Platform, RoutingRule } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { useModels } from "../data/useModels.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import styles from "./AdminPage.module.css";
import { EntryForm, textOf } from "./EntryForm.tsx";

/** The rules that choose a model and a platform for a request, and a field to try them. */
export function RoutingPanel({ servers }: { servers: ServerWithChannels[] }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data: rules = [], error } = useQuery({
    queryKey: ["routing", "rules"],
    queryFn: () => aura.listRoutingRules(),
  });
  const [edited, edit] = useState<RoutingRule | "new" | null>(null);
  const [matching, match] = useState<number | null>(null);
  const refreshed = async (change: Promise<unknown>) => {
    await change;
    await queries.invalidateQueries({ queryKey: ["routing"] });
  };
  return (
    <section className={styles.list} aria-label="Routing">
      <TryIt servers={servers} match={match} />
      <Refusal error={error} />
      <div>
        {rules.map((rule) => (
          <div
            key={rule.position}
            className={styles.row}
            aria-current={rule.position === matching || undefined}
          >
            <small>{rule.position}</small>
            <span className={styles.name}>{rule.task_type}</span>
            <small>{[rule.model ?? "any model", rule.platform].filter(Boolean).join(", ")}</small>
            <IconButton
              icon={Pencil}
              size={15}
              label={`Edit rule ${rule.position}, ${rule.task_type}`}
              onClick={() => edit(rule)}
            />
          </div>
        ))}
      </div>
      <div>
        <Button onClick={() => edit("new")}>
          <Plus size={15} aria-hidden="true" /> Add rule
        </Button>
      </div>
      {edited && (
        <RuleForm
          rule={edited === "new" ? undefined : edited}
          close={() => edit(null)}
          refreshed={refreshed}
        />
      )}
    </section>
  );
}

/** What a request would become, as one writes it; nothing is dispatched. */
function TryIt(
  { servers, match }: { servers: ServerWithChannels[]; match: (rule: number | null) => void },
) {
  const { aura } = useBackend();
  const channels = servers.flatMap(({ name, channels, architecture_type }) =>
    architecture_type === "command_dispatch"
      ? []
      : channels.map((channel) => ({ id: channel.id, name: `${name}/${channel.name}` }))
  );
  const [channelId = channels[0]?.id, choose] = useState<string>();
  const [text, write] = useState("");
  const content = useDeferredValue(text.trim());
  const { data: route, error } = useQuery({
    queryKey: ["routing", "route", channelId, content],
    queryFn: async () => {
      const route = await aura.explainRoute(channelId!, content);
      match(route.rule);
      return route;
    },
    enabled: channelId !== undefined && content !== "",
    placeholderData: (before) => before,
  });
  return (
    <div className={styles.form}>
      <label>
        Try a request
        <input
          value={text}
          placeholder="Fix the failing login test"
          onChange={({ target }) => write(target.value)}
        />
      </label>
      <label>
        Sent to
        <select value={channelId} onChange={({ target }) => choose(target.value)}>
          {channels.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      </label>
      <Refusal error={error} />
      <p role="status" className={styles.none}>
        {content && route
          ? `${route.rule === null ? "No rule" : `Rule ${route.rule}`}: ${route.task_type}, for ${
            route.model === "any" ? "any model" : route.model
          }${route.platform ? ` on ${route.platform}` : ""}; now ${route.effective_model}.`
          : "Nothing is sent."}
      </p>
    </div>
  );
}

function RuleForm(
  { rule, close, refreshed }: {
    rule?: RoutingRule;
    close: () => void;
    refreshed: (change: Promise<unknown>) => Promise<void>;
  },
) {
  const { aura } = useBackend();
  const models = useModels();
  const save = (form: FormData) =>
    refreshed(aura.saveRoutingRule({
      position: rule?.position ?? Number(form.get("position")),
      task_type: textOf(form, "task_type") ?? "",
      pattern: String(form.get("pattern") ?? ""),
      model: textOf(form, "model"),
      platform: textOf(form, "platform") as Platform | null,
    }));
  return (
    <EntryForm
      title={rule ? `Rule ${rule.position}` : "Add a rule"}
      close={close}
      save={save}
      remove={rule && (() => refreshed(aura.removeRoutingRule(rule.position)))}
    >
      {!rule && (
        <label>
          Place in the order
          <input name="position" type="number" required />
        </label>
      )}
      <label>
        Kind of work
        <input name="task_type" required pattern="[a-z_]{1,40}" defaultValue={rule?.task_type} />
      </label>
      <label>
        Regular expression, of Postgres
        <input name="pattern" spellCheck={false} defaultValue={rule?.pattern} />
      </label>
      <label>
        Model
        <select name="model" defaultValue={rule?.model ?? ""}>
          <option value="">Any</option>
          {models.map(({ name, label }) => <option key={name} value={name}>{label}</option>)}
        </select>
      </label>
      <label>
        Platform
        <select name="platform" defaultValue={rule?.platform ?? ""}>
          <option value="">Any</option>
          <option value="macos">macOS</option>
          <option value="linux">Linux</option>
          <option value="windows">Windows</option>
        </select>
      </label>
    </EntryForm>
  );
}
