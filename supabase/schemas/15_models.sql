-- Models: the agents that a mesh may have. Everything that knows a model's name reads it from here.

create table if not exists public.hub_models (
  name text primary key check (name ~ '^[a-z0-9-]{1,32}$' and name <> 'any'),
  label text not null check (length(label) between 1 and 80 and hub.is_one_line(label)),
  position integer not null default 100,
  enabled boolean not null default true,
  created_at timestamptz not null default now()
);
comment on table public.hub_models is
  'The agents that a mesh may have. Read by every signed-in user, written by admins. A new one is a row here and, on a device, a section of its configuration.';
comment on column public.hub_models.name is 'What tasks, channels, rules and devices call it: lower-case letters, digits and -. The word any means no particular one.';
comment on column public.hub_models.label is 'The name to show.';
comment on column public.hub_models.position is 'The order in which clients list the models, and in which a new one falls back on the others.';
comment on column public.hub_models.enabled is 'While false, no task is given to it: its tasks go to the next model of their chain.';

-- Once: what an admin deleted or renamed since stays so.
do $$
begin
  if not exists (select from public.hub_models) then
    insert into public.hub_models (name, label, position) values
      ('claude', 'Claude', 10), ('codex', 'Codex', 20), ('gemini', 'Gemini', 30);
  end if;
end
$$;

create or replace function hub.model_names(with_any boolean default false) returns text
language sql
stable
set search_path = ''
as $$
  select concat_ws(', ', string_agg(m.name, ', ' order by m.position, m.name), case when with_any then 'any' end)
  from public.hub_models as m where m.enabled
$$;
comment on function hub.model_names(boolean) is 'The enabled models as a text, and any where that may be said too.';

create or replace function hub.require_model(model text, with_any boolean default false) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if with_any and require_model.model = 'any' then
    return;
  elsif not exists (select from public.hub_models as m where m.name = require_model.model and m.enabled) then
    perform hub.refuse('bad_argument', array[format('model is one of %s.', hub.model_names(with_any))]);
  end if;
end
$$;
comment on function hub.require_model(text, boolean) is 'Raises bad_argument unless this is an enabled model or, where allowed, any.';

revoke execute on all functions in schema hub from public;
alter table public.hub_models enable row level security;
revoke all on public.hub_models from anon, authenticated, service_role;
grant select, insert, update, delete on public.hub_models to service_role;
grant select, delete, insert (name, label, position, enabled), update (name, label, position, enabled)
on public.hub_models to authenticated;
-- The table's check runs as whoever writes the row.
grant execute on function hub.is_one_line(text) to authenticated, service_role;

drop policy if exists authenticated_read_models on public.hub_models;
create policy authenticated_read_models on public.hub_models
for select to authenticated using ((select hub.has_role('viewer')));
drop policy if exists admin_insert_models on public.hub_models;
create policy admin_insert_models on public.hub_models
for insert to authenticated with check ((select hub.has_role('admin')));
drop policy if exists admin_update_models on public.hub_models;
create policy admin_update_models on public.hub_models
for update to authenticated using ((select hub.has_role('admin')));
drop policy if exists admin_delete_models on public.hub_models;
create policy admin_delete_models on public.hub_models
for delete to authenticated using ((select hub.has_role('admin')));
