-- The feeds of Cloud Hub: memory-log, heartbeat, morning-brief.
--
-- Whatever a feed tells is told by a transaction with better things to do: a device that comes online, a
-- thread that is archived. So a line is put down first and posted then, if that can be done without waiting
-- and without an error; what cannot, hub.recover() posts later.

create table if not exists hub.feed_lines (
  id bigint generated always as identity primary key,
  feed text not null,
  content text not null,
  metadata jsonb not null default '{}',
  said_at timestamptz not null default clock_timestamp(),
  failures integer not null default 0,
  reason text,
  retry_at timestamptz not null default '-infinity'
);
comment on table hub.feed_lines is
  'Lines of the feeds that are not posted yet: their channel was locked, or posting failed, with the reason. hub.recover() tries again from retry_at on.';
comment on column hub.feed_lines.feed is 'Name of the channel of Cloud Hub.';
create index if not exists idx_feed_lines_feed on hub.feed_lines (feed, retry_at);

create or replace function hub.feed_channel(feed text) returns uuid
language sql
stable
set search_path = ''
as $$
  select c.id from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where s.name = 'cloud-hub' and c.name = feed_channel.feed
$$;
comment on function hub.feed_channel(text) is
  'The channel of a feed of Cloud Hub; null when it was renamed or deleted: then the feed is silent.';

create or replace function hub.try_lines(channel_id uuid, lines hub.feed_lines[]) returns integer
language plpgsql
set search_path = ''
set lock_timeout = '500ms' -- a trigger of an app's may want a lock that somebody holds
as $$
begin
  insert into public.hub_channel_messages (channel_id, sender_type, sender_label, content, metadata)
  select try_lines.channel_id, 'system', 'Aura',
    case
      when l.said_at > clock_timestamp() - interval '1 minute' then l.content
      else format(E'%s\n(%s UTC)', l.content, to_char(l.said_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'))
    end,
    l.metadata
  from unnest(lines) as l
  order by l.id;
  delete from hub.feed_lines as l where l.id in (select posted.id from unnest(lines) as posted);
  return cardinality(lines);
exception when others then
  -- As with every delivery: what there is to tell goes on whether it can be told or not.
  update hub.feed_lines as l
  set failures = l.failures + 1, reason = sqlerrm,
    retry_at = clock_timestamp() + hub.backoff('1 minute', l.failures, '6 hours')
  where l.id in (select failed.id from unnest(lines) as failed);
  return 0;
end
$$;
comment on function hub.try_lines(uuid, hub.feed_lines[]) is
  'Posts lines to their channel, or records why not; returns how many were posted.';

create or replace function hub.post_lines(feed text, most integer default 1000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_channel uuid := hub.feed_channel(post_lines.feed);
  v_fresh hub.feed_lines[];
  v_failed hub.feed_lines[];
  v_line hub.feed_lines;
  v_posted integer := 0;
begin
  if v_channel is null then
    delete from hub.feed_lines as l where l.feed = post_lines.feed;
    return 0;
  end if;
  perform from public.hub_channels as c where c.id = v_channel for no key update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(l.line order by (l.line).id) filter (where (l.line).failures = 0),
    array_agg(l.line order by (l.line).id) filter (where (l.line).failures > 0)
  into v_fresh, v_failed
  from (
    select due as line from hub.feed_lines as due
    where due.feed = post_lines.feed and due.retry_at <= v_now
    order by due.id limit post_lines.most
    for update skip locked
  ) as l;
  -- What failed goes alone, so that one bad line does not keep the others back.
  foreach v_line in array coalesce(v_failed, '{}') loop
    v_posted := v_posted + hub.try_lines(v_channel, array[v_line]);
  end loop;
  if v_fresh is not null then
    v_posted := v_posted + hub.try_lines(v_channel, v_fresh);
  end if;
  return v_posted;
end
$$;
comment on function hub.post_lines(text, integer) is
  'Posts the lines of a feed that are due, waiting for nobody: while its channel is locked they stay where they are. Returns how many were posted.';

create or replace function hub.post_feed(feed text, content text, metadata jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into hub.feed_lines (feed, content, metadata)
  values (post_feed.feed, post_feed.content, post_feed.metadata);
  perform hub.post_lines(post_feed.feed);
end
$$;
comment on function hub.post_feed(text, text, jsonb) is
  'Says a line in a feed of Cloud Hub: now, or as soon as that can be done. Never fails, never waits. metadata names the event.';

-- What they say -----------------------------------------------------------------------------------

insert into hub.message_events (name, meaning) values
  ('device_online', 'In heartbeat: a device is there.'),
  ('device_offline', 'In heartbeat: a device was not heard of.'),
  ('device_draining', 'In heartbeat: a device was told to finish what it runs.'),
  ('device_registered', 'In heartbeat: a known device was registered anew, by whom.'),
  ('device_rate_limited', 'In heartbeat: a model is throttled on a device, until when.'),
  ('brief', 'In morning-brief: the last 24 hours in figures.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.told_channels() returns setof public.hub_channels
language sql
stable
set search_path = ''
as $$
  select c.* from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where s.name = 'cloud-hub' or hub.is_known_to_all(s.id)
$$;
comment on function hub.told_channels() is
  'The channels whose doings the feeds may tell: those of Cloud Hub, which holds the feeds, and of servers that are hidden from nobody.';

create or replace function hub.feed_device() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
as $$
begin
  if not hub.is_known_device(new) then
    return null;
  end if;
  perform hub.post_feed('heartbeat',
    case new.status
      when 'offline' then format('🔴 %s is offline', new.name)
      when 'online' then format('🟢 %s is online', new.name)
      else format('🟠 %s is draining', new.name)
    end,
    jsonb_build_object('event', 'device_' || new.status, 'device_id', new.id));
  return null;
end
$$;

create or replace trigger _500_feed_device
after update on public.mesh_devices
for each row when (old.status is distinct from new.status)
execute function hub.feed_device();

create or replace function hub.feed_registration(device public.mesh_devices) returns void
language plpgsql
set search_path = ''
as $$
begin
  if hub.is_known_device(device) then
    perform hub.post_feed('heartbeat',
      format('🔑 %s (%s) was registered anew by %s: its old token has stopped working', device.name, device.platform, hub.user_label(auth.uid())),
      jsonb_build_object('event', 'device_registered', 'device_id', device.id));
  end if;
end
$$;
comment on function hub.feed_registration(public.mesh_devices) is 'Says in heartbeat that a known device has a new token.';

create or replace function hub.feed_throttle() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
as $$
begin
  perform hub.post_feed('heartbeat', format('🟡 %s is rate limited on %s until %s UTC', new.model, d.name,
    to_char(new.rate_limited_until at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
    jsonb_build_object('event', 'device_rate_limited', 'device_id', new.device_id, 'model', new.model))
  from public.mesh_devices as d where d.id = new.device_id and hub.is_known_device(d);
  return null;
end
$$;

create or replace trigger _500_feed_throttle
after update on public.mesh_device_models
for each row when (
  new.rate_limited_until > clock_timestamp() and old.rate_limited_until is distinct from new.rate_limited_until
)
execute function hub.feed_throttle();

create or replace function hub.morning_brief() returns text
language plpgsql
set search_path = ''
as $$
declare
  v_since timestamptz := now() - interval '24 hours';
  v_brief text;
begin
  select format(
    E'☀️ The last 24 hours, to %s UTC\nTasks: %s complete, %s failed, %s cancelled, %s waiting or running\nChannels: %s\nDevices: %s\nThreads: %s opened, %s archived\nUndelivered results: %s',
    to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI'),
    count(*) filter (where t.status = 'complete'),
    count(*) filter (where t.status = 'failed' and t.cancelled_at is null),
    count(*) filter (where t.cancelled_at is not null),
    (
      select count(*) from hub.queue as q join hub.lanes as l on l.id = q.lane_id
      where l.server_id = '00000000-0000-0000-0000-000000000000' or l.server_id in (select c.server_id from hub.told_channels() as c)
    ),
    coalesce((
      select string_agg(format('#%s %s', busy.name, busy.tasks), ', ' order by busy.tasks desc, busy.name)
      from (
        select c.name, count(*) as tasks
        from hub.told_channels() as c
        join public.mac_tasks as m on m.channel_id = c.id and m.created_at > v_since
        group by c.id, c.name order by count(*) desc, c.name limit 5
      ) as busy
    ), 'quiet'),
    coalesce((select string_agg(format('%s %s', d.name, d.status), ', ' order by d.name) from public.mesh_devices as d where hub.is_known_device(d)), 'none'),
    (select count(*) from hub.told_channels() as c join public.hub_task_threads as h on h.channel_id = c.id and h.created_at > v_since),
    (select count(*) from hub.told_channels() as c join public.hub_task_threads as h on h.channel_id = c.id and h.archived_at > v_since),
    (
      select count(*) from hub.delivery_failures as f join public.mac_tasks as t on t.id = f.task_id
      where t.channel_id in (select c.id from hub.told_channels() as c)
    )
  )
  into v_brief
  from hub.told_channels() as c
  join public.mac_tasks as t on t.channel_id = c.id and t.finished_at > v_since;
  perform hub.post_feed('morning-brief', v_brief, '{"event": "brief"}');
  return v_brief;
end
$$;
comment on function hub.morning_brief() is
  'Posts the digest of the last 24 hours to morning-brief and returns it; run daily at 07:00 UTC by pg_cron.';

revoke execute on all functions in schema hub from public;
