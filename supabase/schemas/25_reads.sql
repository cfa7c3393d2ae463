-- How far somebody has read: one mark for each channel and thread, so that all their devices agree.

create table if not exists public.hub_reads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users on delete cascade,
  channel_id uuid references public.hub_channels on delete cascade,
  task_thread_id uuid references public.hub_task_threads on delete cascade,
  last_read_at timestamptz not null,
  constraint hub_reads_place check (num_nonnulls(channel_id, task_thread_id) = 1),
  constraint hub_reads_key unique nulls not distinct (user_id, channel_id, task_thread_id)
);
comment on table public.hub_reads is
  'How far a user has read: one row for each channel, and for each thread, that they looked at. Read by themselves alone; written by mark_read.';
comment on column public.hub_reads.last_read_at is 'What was posted until then is read. Never goes back.';

create index if not exists idx_hub_reads_channel on public.hub_reads (channel_id) where channel_id is not null;
create index if not exists idx_hub_reads_thread on public.hub_reads (task_thread_id) where task_thread_id is not null;

alter table public.hub_reads enable row level security;
revoke all on public.hub_reads from anon, authenticated, service_role;
grant select on public.hub_reads to authenticated;
grant select, insert, update, delete on public.hub_reads to service_role;
drop policy if exists authenticated_read_reads on public.hub_reads;
create policy authenticated_read_reads on public.hub_reads
for select to authenticated using (
  user_id = (select auth.uid()) and (
    channel_id in (select hub.channels_with('viewer'))
    or exists (
      select from public.hub_task_threads as t
      where t.id = task_thread_id and t.channel_id in (select hub.channels_with('viewer'))
    )
  )
);

create or replace function hub.mark_read(channel_id uuid, task_thread_id uuid, read_at timestamptz) returns jsonb
language plpgsql
security definer -- marks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user uuid := auth.uid();
  v_until timestamptz := least(coalesce(mark_read.read_at, clock_timestamp()), clock_timestamp());
  v_marks jsonb;
begin
  if mark_read.task_thread_id is not null then
    perform hub.require_channel_role(
      (select t.channel_id from public.hub_task_threads as t where t.id = mark_read.task_thread_id),
      'viewer', 'thread_not_found', mark_read.task_thread_id
    );
  elsif mark_read.channel_id is not null then
    perform hub.require_channel_role(mark_read.channel_id, 'viewer');
  else
    perform hub.require_role('viewer');
  end if;
  if v_user is null then
    -- The service key reads nothing.
    perform hub.refuse('not_signed_in');
  end if;
  with marked as (
    insert into public.hub_reads as r (user_id, channel_id, task_thread_id, last_read_at)
    select v_user, place.channel_id, place.task_thread_id, v_until
    from (
      select null::uuid as channel_id, mark_read.task_thread_id where mark_read.task_thread_id is not null
      union all
      select c.id, null from public.hub_channels as c
      where mark_read.task_thread_id is null and c.id in (select hub.channels_with('viewer'))
        and (mark_read.channel_id is null or c.id = mark_read.channel_id)
    ) as place
    order by place.channel_id
    on conflict on constraint hub_reads_key do update set last_read_at = excluded.last_read_at
    where r.last_read_at < excluded.last_read_at
    returning r.*
  )
  select jsonb_agg(to_jsonb(m)) into v_marks from marked as m;
  return coalesce(v_marks, '[]');
end
$$;

create or replace function public.mark_read(
  channel_id uuid default null, task_thread_id uuid default null, read_at timestamptz default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.mark_read(mark_read.channel_id, mark_read.task_thread_id, mark_read.read_at);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.mark_read(uuid, uuid, timestamptz) is
  'Notes that the caller has read a thread, else a channel, else every channel, up to a time, by default now. Marks never go back. Returns the hub_reads rows that have changed. Viewer. Errors: channel_not_found, thread_not_found.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.mark_read(uuid, uuid, timestamptz) from public;
grant execute on function public.mark_read(uuid, uuid, timestamptz), hub.mark_read(uuid, uuid, timestamptz)
to anon, authenticated;
revoke execute on function public.mark_read(uuid, uuid, timestamptz) from service_role;
