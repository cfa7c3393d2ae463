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
alter table public.mesh_devices
  add column if not exists registered_by uuid references auth.users on delete set null,
  add column if not exists server_ids uuid[];
create index if not exists idx_mesh_devices_registered_by on public.mesh_devices (registered_by) where registered_by is not null;
comment on table public.mesh_devices is
  'Machines that run tasks. Registered by operators; read by every signed-in user, unless it works for a server that is hidden from the reader.';
comment on column public.mesh_devices.registered_by is
  'The user who registered it: it works for servers on which they are an operator. Null: the service key or SQL did.';
comment on column public.mesh_devices.server_ids is 'The only servers that it works for; null: every one.';
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
for select to authenticated using (
  (select hub.has_role('viewer'))
  -- All of them: one that is hidden would be named.
  and (server_ids is null or server_ids <@ (select array(select hub.servers_with('viewer'))))
);
drop policy if exists authenticated_read_device_models on public.mesh_device_models;
create policy authenticated_read_device_models on public.mesh_device_models
for select to authenticated using (device_id in (select d.id from public.mesh_devices as d));
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
    perform hub.refuse('bad_argument', array[format(
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

insert into hub.errors (name, status, message, hint) values
  ('device_name_taken', 409, 'The name %s is taken by a device that somebody else has registered.', 'Choose another name, or ask an admin.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

create or replace function hub.require_device_servers(servers uuid[]) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if cardinality(require_device_servers.servers) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['servers names 1 to 100 servers; null: all of them.']);
  end if;
  perform hub.require_server_role(s.id, 'operator') from unnest(require_device_servers.servers) as s (id);
end
$$;
comment on function hub.require_device_servers(uuid[]) is
  'Raises bad_argument, server_not_found or role_required for servers that the caller''s devices cannot be for.';

create or replace function hub.require_device(
  name text, platform text, max_running integer, servers uuid[]
) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if coalesce(length(require_device.name), 0) = 0 or require_device.name <> hub.one_line(require_device.name)
    or not hub.is_visible(require_device.name) or lower(require_device.name) = 'aura'
  then
    perform hub.refuse('bad_argument', array[
      'name has 1 to 80 visible characters, one space between words, and is not Aura.'
    ]);
  end if;
  if require_device.platform is null or require_device.platform not in ('macos', 'linux', 'windows') then
    perform hub.refuse('bad_argument', array['platform is one of macos, linux, windows.']);
  end if;
  if coalesce(require_device.max_running, 1) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['max_running is from 1 to 100.']);
  end if;
  perform hub.require_device_servers(require_device.servers);
end
$$;
comment on function hub.require_device(text, text, integer, uuid[]) is
  'Raises bad_argument for what describes no device; server_not_found and role_required for servers that it may not be for.';

create or replace function hub.register_device(
  name text, platform text, models jsonb, max_running integer, servers uuid[]
) returns jsonb
language plpgsql
security definer -- devices and token hashes are written by nobody else
set search_path = ''
as $$
declare
  v_known public.mesh_devices;
  v_device public.mesh_devices;
  v_token text := 'aura_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  if not hub.is_operator_somewhere() then
    perform hub.require_role('operator');
  end if;
  perform hub.require_device(
    register_device.name, register_device.platform, register_device.max_running, register_device.servers
  );
  select * into v_known from public.mesh_devices as d where d.name = register_device.name for no key update;
  if v_known.registered_by is distinct from auth.uid() and v_known.id is not null and not hub.has_role('admin') then
    perform hub.refuse('device_name_taken', array[register_device.name]);
  end if;

  insert into public.mesh_devices as d (name, platform, max_running, registered_by, server_ids)
  values (
    register_device.name, register_device.platform, coalesce(register_device.max_running, 1), auth.uid(),
    (select array_agg(distinct s.id) from unnest(register_device.servers) as s (id))
  )
  on conflict on constraint mesh_devices_name_key do update
    set platform = excluded.platform,
      max_running = coalesce(register_device.max_running, d.max_running),
      registered_by = excluded.registered_by,
      server_ids = coalesce(excluded.server_ids, d.server_ids)
    where d.id = v_known.id
  returning * into v_device;
  if register_device.models = '[]' then
    perform hub.refuse('bad_argument', array['models has at least one model.']);
  elsif v_device.id is null then
    -- Registered by somebody else since it was looked for.
    perform hub.refuse('device_name_taken', array[register_device.name]);
  end if;
  perform hub.set_device_models(v_device.id, register_device.models);
  insert into hub.device_tokens as t (device_id, token_hash)
  values (v_device.id, sha256(convert_to(v_token, 'UTF8')))
  on conflict on constraint device_tokens_pkey do update
    set token_hash = excluded.token_hash, created_at = now();
  if v_known.id is not null then
    perform hub.feed_registration(v_device);
  end if;
  return jsonb_build_object('device', hub.device_json(v_device), 'token', v_token);
end
$$;

create or replace function public.register_device(
  name text, platform text, models jsonb, max_running integer default null, servers uuid[] default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.register_device(
    register_device.name, register_device.platform, register_device.models, register_device.max_running,
    register_device.servers
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.register_device(text, text, jsonb, integer, uuid[]) is
  'Registers a device and returns {device, token}; the token is shown only now. With the name of a known device, for who registered it and for admins: a new token, the old one stops working, and max_running and servers stay unless given. models: names or {model, version}. servers: the only ones that it works for; null: all on which the caller is an operator. Operator, of a server at least. Errors: bad_argument, server_not_found, role_required, device_name_taken.';

create or replace function hub.own_device(device_id uuid, by_operators boolean) returns public.mesh_devices
language plpgsql
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  perform hub.require_role('viewer');
  select * into v_device from public.mesh_devices as d where d.id = own_device.device_id for no key update;
  if v_device.id is null or not v_device.server_ids <@ array(select hub.servers_with('viewer')) then
    perform hub.refuse('device_not_found', array[own_device.device_id::text]);
  elsif v_device.registered_by is distinct from auth.uid() then
    perform hub.require_role(case when by_operators then 'operator' else 'admin' end);
  elsif not hub.is_operator_somewhere() then
    perform hub.require_role('operator');
  end if;
  return v_device;
end
$$;
comment on function hub.own_device(uuid, boolean) is
  'A device, locked, that the caller registered, or may write as an operator or an admin. Errors: not_signed_in, device_not_found, role_required.';

create or replace function hub.remove_device(device_id uuid) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  v_device := hub.own_device(remove_device.device_id, by_operators => false);
  delete from public.mesh_devices as d where d.id = v_device.id;
  return to_jsonb(v_device);
end
$$;

create or replace function public.remove_device(device_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.remove_device(remove_device.device_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.remove_device(uuid) is
  'Removes a device with its token; what it runs goes back when its lease ends. Returns the mesh_devices row. Who registered it, or an admin. Errors: device_not_found, role_required.';

create or replace function hub.set_device_draining(device_id uuid, draining boolean) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  if set_device_draining.draining is null then
    perform hub.require_role('viewer');
    perform hub.refuse('bad_argument', array['draining is true or false.']);
  end if;
  v_device := hub.own_device(set_device_draining.device_id, by_operators => true);
  update public.mesh_devices as d
  set status = case
      when d.status = 'offline' then 'offline'
      when set_device_draining.draining then 'draining'
      else 'online'
    end,
    draining = set_device_draining.draining
  where d.id = v_device.id
  returning * into v_device;
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

create or replace function hub.set_device_servers(device_id uuid, servers uuid[]) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  v_device := hub.own_device(set_device_servers.device_id, by_operators => false);
  perform hub.require_device_servers(set_device_servers.servers);
  update public.mesh_devices as d
  set server_ids = (select array_agg(distinct s.id) from unnest(set_device_servers.servers) as s (id))
  where d.id = v_device.id
  returning * into v_device;
  return to_jsonb(v_device);
end
$$;

create or replace function public.set_device_servers(device_id uuid, servers uuid[]) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_device_servers(set_device_servers.device_id, set_device_servers.servers);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_device_servers(uuid, uuid[]) is
  'Makes a device work for these servers alone, or, with null, for all on which whoever registered it is an operator; what it runs goes on. Returns the mesh_devices row. Who registered it, or an admin. Errors: device_not_found, role_required, server_not_found, bad_argument.';

-- Being heard of ---------------------------------------------------------------------------------

create or replace function hub.authenticate_device(token text) returns public.mesh_devices
language plpgsql
set search_path = ''
as $$
declare
  v_hash bytea := sha256(convert_to(authenticate_device.token, 'UTF8'));
  v_device public.mesh_devices;
begin
  select d.* into v_device
  from hub.device_tokens as t
  join public.mesh_devices as d on d.id = t.device_id
  where t.token_hash = v_hash;
  if not found then
    perform hub.refuse('bad_device_token');
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
comment on function hub.authenticate_device(text) is
  'The device of a token, which is thereby online. Every executor RPC begins with this. Errors: bad_device_token.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.register_device(text, text, jsonb, integer, uuid[]), public.set_device_draining(uuid, boolean),
  public.remove_device(uuid), public.set_device_servers(uuid, uuid[])
from public;
-- Asked by the policy on attempts, as whoever reads.
grant execute on function hub.channel_of_task(uuid) to authenticated, service_role;
grant execute on function
  public.register_device(text, text, jsonb, integer, uuid[]), hub.register_device(text, text, jsonb, integer, uuid[]),
  public.set_device_draining(uuid, boolean), hub.set_device_draining(uuid, boolean),
  public.remove_device(uuid), hub.remove_device(uuid),
  public.set_device_servers(uuid, uuid[]), hub.set_device_servers(uuid, uuid[])
to anon, authenticated, service_role;
