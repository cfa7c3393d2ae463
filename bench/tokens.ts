// Devices of the benchmark: one for each executor, with a token that follows from its number.
import type { Sql } from "postgres";

export function tokenOf(executor: number): string {
  return `aura_bench_${executor}`;
}

/** Makes so many online Linux devices that run all models, and removes all others. */
export async function makeDevices(
  admin: Sql,
  count: number,
  models = ["claude", "codex", "gemini"],
) {
  await admin`delete from public.mesh_devices`;
  await admin`
    with devices as (
      insert into public.mesh_devices (name, platform, max_running, status, last_seen_at)
      select 'bench-' || n, 'linux', 100, 'online', clock_timestamp()
      from generate_series(0, ${count - 1}::integer) as n
      returning id, name
    ), models as (
      insert into public.mesh_device_models (device_id, model)
      select d.id, m from devices as d, unnest(${models}::text[]) as m
    )
    insert into hub.device_tokens (device_id, token_hash)
    select d.id, sha256(convert_to('aura_bench_' || substr(d.name, 7), 'UTF8')) from devices as d`;
}
