import type { Sql } from "postgres";

/** What no comparison of catalogues shows: the rows that the project itself brings along, and the cron jobs. */
export async function projectRows(sql: Sql): Promise<Record<string, unknown>> {
  const tables = {
    "hub.errors": "to_jsonb(t)",
    "hub.message_events": "to_jsonb(t)",
    "public.hub_models": "to_jsonb(t) - 'created_at'",
    "hub.settings": "to_jsonb(t) - 'default_servers_installed_at'",
    "hub.routing_rules": "to_jsonb(t)",
    "hub.model_chains": "to_jsonb(t)",
    "koji.commands": "to_jsonb(t)",
    "public.hub_servers": "to_jsonb(t) - '{id,created_at,updated_at}'::text[]",
    "public.hub_channels": "to_jsonb(t) - '{id,server_id,created_at}'::text[]",
    "cron.job": "jsonb_build_array(t.jobname, t.schedule, t.command)",
  };
  const all: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(tables)) {
    const found = await sql.unsafe(`select (${row})::text as row from ${name} as t order by 1`);
    all[name] = found.map((one) => one.row);
  }
  return all;
}
