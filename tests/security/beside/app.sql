-- An app that was here first: its own chat, and a mac_tasks of its own with other columns, defaults,
-- comments and a trigger. The test adds row security, or leaves it off.

create table public.hub_threads (
  id bigint generated always as identity primary key,
  owner uuid not null,
  title text not null default 'Untitled',
  labels text[] not null default '{}'
);
create table public.hub_messages (
  id bigint generated always as identity primary key,
  thread_id bigint not null references public.hub_threads on delete cascade,
  body text not null check (length(body) < 10000),
  sent_at timestamptz not null default now(),
  edits integer not null default 0
);
create index hub_messages_thread on public.hub_messages (thread_id, sent_at);
comment on table public.hub_messages is 'The app''s own chat.';

create table public.mac_tasks (
  id uuid primary key default gen_random_uuid(),
  owner uuid,
  title text not null default 'Untitled',
  content text not null,
  project text default 'inbox',
  status text not null default 'failed',
  model_preference varchar(20) default 'gemini',
  claimed_by text,
  partial_output text default '',
  result text,
  priority smallint default 5,
  metadata jsonb default '{"app": true}',
  created_at timestamp not null default '2020-01-01',
  updated_at timestamptz,
  touched integer not null default 0,
  constraint app_status check (status in ('pending', 'running', 'complete', 'failed')),
  constraint app_title unique (owner, title)
) with (autovacuum_enabled = false);
create index app_pending on public.mac_tasks (created_at) where status = 'pending';
comment on table public.mac_tasks is 'What the app''s executors do.';
comment on column public.mac_tasks.priority is 'Lower is more urgent.';
comment on column public.mac_tasks.metadata is 'Anything.';

create function public.app_touch() returns trigger
language plpgsql
as $$
begin
  new.updated_at := now();
  new.touched := old.touched + 1;
  return new;
end
$$;
create trigger app_touch before update on public.mac_tasks
for each row execute function public.app_touch();
create trigger app_touch before update on public.hub_messages
for each row execute function suppress_redundant_updates_trigger();

insert into public.hub_threads (owner, title)
select md5('owner ' || n % 3)::uuid, 'Thread ' || n from generate_series(1, 10) as n;
insert into public.hub_messages (thread_id, body, sent_at)
select 1 + n % 10, repeat('é', n), '2021-01-01'::timestamptz + n * interval '1 hour' from generate_series(1, 100) as n;
insert into public.mac_tasks (owner, title, content, status, claimed_by, result, metadata)
select md5('owner ' || n % 3)::uuid, 'Task ' || n, 'Work ' || n, s.status,
  case when s.status <> 'pending' then 'old-mac' end, case when s.status = 'complete' then 'Done' end,
  case n % 3 when 0 then null when 1 then '[1]' else '{"n": 1}' end::jsonb
from generate_series(1, 40) as n
cross join lateral (select (array['pending', 'running', 'complete', 'failed'])[1 + n % 4] as status) as s;
