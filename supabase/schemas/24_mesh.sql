-- The mesh: devices, the models they run, their tokens, and one row for each claim they make.

create table if not exists public.mesh_devices (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 80),
  platform text not null check (platform in ('macos', 'linux', 'windows')),
  status text not null default 'offline' check (status in ('online', 'offline', 'draining')),
  draining boolean not null default false,
  agent_version text,
  max_running integer not null default 1 check (max_running between 1 and 100),
  last_seen_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table public.mesh_devices is 'Machines that run tasks. Registered by operators; read by every signed-in user.';
comment on column public.mesh_devices.status is
  'online: heard of within hub.settings.device_offline_after; draining: the same, but it was told to drain; else offline.';
comment on column public.mesh_devices.draining is
  'Whether it was told to finish what it runs and to claim nothing more; kept while it is offline. Written by set_device_draining.';
comment on column public.mesh_devices.max_running is 'Tasks it runs at once, at most.';
comment on column public.mesh_devices.agent_version is 'The version of its executor, as its heartbeats tell.';
comment on column public.mesh_devices.last_seen_at is 'The last call with its token, to a second.';
comment on column public.mesh_devices.metadata is 'Free for clients; nothing here reads it.';

create table if not exists public.mesh_device_models (
  device_id uuid not null references public.mesh_devices on delete cascade,
  model text not null references public.hub_models on update cascade on delete cascade,
  version text,
  rate_limited_until timestamptz,
  primary key (device_id, model)
);
comment on table public.mesh_device_models is 'The models a device can run.';
create index if not exists idx_mesh_device_models_model on public.mesh_device_models (model);
comment on column public.mesh_device_models.rate_limited_until is 'While in the future, the model is not used on this device.';

create table if not exists hub.device_tokens (
  device_id uuid primary key references public.mesh_devices on delete cascade,
  token_hash bytea not null unique,
  created_at timestamptz not null default now()
);
comment on table hub.device_tokens is 'SHA-256 of each device''s token. The token itself is 244 random bits and is stored nowhere.';

create table if not exists hub.idle_devices (
  device_id uuid primary key references public.mesh_devices on delete cascade
);
comment on table hub.idle_devices is 'Devices that have a free slot and found too little for it, or said so in a heartbeat: only while there are some is mesh:wake sent.';

create table if not exists public.hub_task_attempts (
  claim_id uuid primary key,
  task_id uuid not null references public.mac_tasks on delete cascade,
  attempt integer not null,
  device text not null,
  model text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text check (outcome in (
    'complete', 'failed', 'released', 'parked', 'expired', 'lost', 'rate_limited', 'cancelled', 'timed_out'
  )),
  error text,
  constraint hub_task_attempts_ended check ((ended_at is null) = (outcome is null))
) with (fillfactor = 70);
comment on table public.hub_task_attempts is 'One row for each claim of a task made by claim_tasks.';
comment on column public.hub_task_attempts.outcome is
  'parked: it waits for an answer; expired: its device was not heard of; lost: its device never began it; the others as they say.';
comment on column public.hub_task_attempts.device is 'Name of the device that claimed.';
create index if not exists idx_hub_task_attempts_task on public.hub_task_attempts (task_id, started_at);
-- Claims come in the order of time: a block range index finds the old ones and costs next to nothing.
create index if not exists idx_hub_task_attempts_started on public.hub_task_attempts using brin (started_at);

create or replace function hub.channel_of_task(task_id uuid) returns uuid
language plpgsql
stable
security definer -- the owner of a mac_tasks that was here first may have closed it
set search_path = ''
as $$
begin
  return (select t.channel_id from public.mac_tasks as t where t.id = channel_of_task.task_id);
end
$$;
comment on function hub.channel_of_task(uuid) is 'The channel of a task, for policies on what belongs to the task.';

alter table public.mesh_devices enable row level security;
alter table public.mesh_device_models enable row level security;
alter table public.hub_task_attempts enable row level security;
revoke all on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts
from anon, authenticated, service_role;
grant select on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts to authenticated;
grant select, insert, update, delete on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts
to service_role;

drop policy if exists authenticated_read_devices on public.mesh_devices;
create policy authenticated_read_devices on public.mesh_devices
for select to authenticated using ((select hub.has_role('viewer')));
drop policy if exists authenticated_read_device_models on public.mesh_device_models;
create policy authenticated_read_device_models on public.mesh_device_models
for select to authenticated using ((select hub.has_role('viewer')));
drop policy if exists authenticated_read_task_attempts on public.hub_task_attempts;
create policy authenticated_read_task_attempts on public.hub_task_attempts
for select to authenticated using (
  (select hub.has_role('admin')) or hub.channel_of_task(task_id) in (select hub.channels_with('viewer'))
);

-- Devices ----------------------------------------------------------------------------------------

create or replace function hub.device_json(device public.mesh_devices) returns jsonb
language sql
stable
set search_path = ''
as $$
  select to_jsonb(device) || jsonb_build_object('models', coalesce(
    (
      select jsonb_agg(to_jsonb(m) order by m.model)
      from public.mesh_device_models as m where m.device_id = device.id
    ),
    '[]'
  ))
$$;
comment on function hub.device_json(public.mesh_devices) is 'The row of mesh_devices with its rows of mesh_device_models as "models".';

create or replace function hub.set_device_models(device_id uuid, models jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if jsonb_typeof(models) is distinct from 'array' or jsonb_array_length(models) > 100
    or exists (
      select from jsonb_array_elements(models) as m
      where coalesce(case jsonb_typeof(m) when 'string' then m #>> '{}' when 'object' then m ->> 'model' end, '')
        not in (select known.name from public.hub_models as known)
    )
  then
    perform hub.fail('bad_argument', array[format(
      'models is an array of %s, each a name or {"model", "version"}.', hub.model_names()
    )]);
  end if;
  -- The last mention of a model counts; its throttle stays.
  insert into public.mesh_device_models as d (device_id, model, version)
  select distinct on (n.model) set_device_models.device_id, n.model, nullif(hub.one_line(n.version), '')
  from (
    select coalesce(m ->> 'model', m #>> '{}') as model, m ->> 'version' as version, position
    from jsonb_array_elements(models) with ordinality as listed (m, position)
  ) as n
  order by n.model, n.position desc
  on conflict on constraint mesh_device_models_pkey do update
    set version = coalesce(excluded.version, d.version)
    where d.version is distinct from coalesce(excluded.version, d.version);
  delete from public.mesh_device_models as d
  where d.device_id = set_device_models.device_id
    and not exists (
      select from jsonb_array_elements(models) as m where coalesce(m ->> 'model', m #>> '{}') = d.model
    );
end
$$;
comment on function hub.set_device_models(uuid, jsonb) is
  'Makes the device''s models those of the array. Errors: bad_argument.';

create or replace function hub.register_device(name text, platform text, models jsonb, max_running integer)
returns jsonb
language plpgsql
security definer -- devices and token hashes are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
  v_token text := 'aura_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  perform hub.require_role('operator');
  if coalesce(length(register_device.name), 0) = 0
    or register_device.name <> hub.one_line(register_device.name)
  then
    perform hub.fail('bad_argument', array['name has 1 to 80 visible characters, and one space between words.']);
  end if;
  if register_device.platform is null or register_device.platform not in ('macos', 'linux', 'windows') then
    perform hub.fail('bad_argument', array['platform is one of macos, linux, windows.']);
  end if;
  if coalesce(register_device.max_running, 1) not between 1 and 100 then
    perform hub.fail('bad_argument', array['max_running is from 1 to 100.']);
  end if;

  insert into public.mesh_devices as d (name, platform, max_running)
  values (register_device.name, register_device.platform, coalesce(register_device.max_running, 1))
  on conflict on constraint mesh_devices_name_key do update
    set platform = excluded.platform,
      max_running = coalesce(register_device.max_running, d.max_running)
  returning * into v_device;
  if register_device.models = '[]' then
    perform hub.fail('bad_argument', array['models has at least one model.']);
  end if;
  perform hub.set_device_models(v_device.id, register_device.models);
  insert into hub.device_tokens as t (device_id, token_hash)
  values (v_device.id, sha256(convert_to(v_token, 'UTF8')))
  on conflict on constraint device_tokens_pkey do update
    set token_hash = excluded.token_hash, created_at = now();
  return jsonb_build_object('device', hub.device_json(v_device), 'token', v_token);
end
$$;

create or replace function public.register_device(
  name text, platform text, models jsonb, max_running integer default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.register_device(
    register_device.name, register_device.platform, register_device.models, register_device.max_running
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.register_device(text, text, jsonb, integer) is
  'Registers a device and returns {device, token}; the token is shown only now. With the name of a known device: a new token, the old one stops working. models: names or {model, version}. Operator. Errors: bad_argument.';

create or replace function hub.set_device_draining(device_id uuid, draining boolean) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  perform hub.require_role('operator');
  if set_device_draining.draining is null then
    perform hub.fail('bad_argument', array['draining is true or false.']);
  end if;
  update public.mesh_devices as d
  set status = case
      when d.status = 'offline' then 'offline'
      when set_device_draining.draining then 'draining'
      else 'online'
    end,
    draining = set_device_draining.draining
  where d.id = set_device_draining.device_id
  returning * into v_device;
  if not found then
    perform hub.fail('device_not_found', array[coalesce(set_device_draining.device_id::text, 'null')]);
  end if;
  return to_jsonb(v_device);
end
$$;

create or replace function public.set_device_draining(device_id uuid, draining boolean) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_device_draining(set_device_draining.device_id, set_device_draining.draining);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_device_draining(uuid, boolean) is
  'Makes a device finish what it runs and claim nothing more, or ends that; returns the mesh_devices row. Operator. Errors: device_not_found, bad_argument.';

-- Being heard of ---------------------------------------------------------------------------------

create or replace function hub.hear_device(token text) returns public.mesh_devices
language plpgsql
set search_path = ''
as $$
declare
  v_hash bytea := sha256(convert_to(hear_device.token, 'UTF8'));
  v_device public.mesh_devices;
begin
  select d.* into v_device
  from hub.device_tokens as t
  join public.mesh_devices as d on d.id = t.device_id
  where t.token_hash = v_hash;
  if not found then
    perform hub.fail('bad_device_token');
  end if;
  -- To a second: a device that calls a thousand times a second is not rewritten each time.
  if v_device.status = 'offline' or v_device.last_seen_at is null
    or v_device.last_seen_at not between clock_timestamp() - interval '1 second' and clock_timestamp() + interval '1 second'
  then
    update public.mesh_devices as d
    set last_seen_at = clock_timestamp(),
      status = case
        when d.status <> 'offline' then d.status
        when d.draining then 'draining'
        else 'online'
      end
    where d.id = v_device.id
    returning * into v_device;
  end if;
  return v_device;
end
$$;
comment on function hub.hear_device(text) is
  'The device of a token, which is thereby online. Every executor RPC begins with this. Errors: bad_device_token.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.register_device(text, text, jsonb, integer), public.set_device_draining(uuid, boolean)
from public;
-- Asked by the policy on attempts, as whoever reads.
grant execute on function hub.channel_of_task(uuid) to authenticated, service_role;
grant execute on function
  public.register_device(text, text, jsonb, integer), hub.register_device(text, text, jsonb, integer),
  public.set_device_draining(uuid, boolean), hub.set_device_draining(uuid, boolean)
to anon, authenticated, service_role;
