-- The same work by hand: a chat pipeline as a good engineer would build it on graphile-worker, with what
-- that takes and nothing else. Tables with the columns that clients of the product read, exact counters,
-- a broadcast of each message, a function for each step; no roles, routing, lanes, leases, fencing, history
-- of attempts, life cycle or recovery. Each step is as few statements as it can be.
drop schema if exists by_hand cascade;
create schema by_hand;

create table by_hand.channels (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  message_count integer not null default 0,
  last_message_at timestamptz
) with (fillfactor = 50);

create table by_hand.threads (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references by_hand.channels on delete cascade,
  title text not null,
  message_count integer not null default 0,
  last_message_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 70);
create index on by_hand.threads (channel_id, created_at desc);

create table by_hand.tasks (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references by_hand.channels on delete cascade,
  thread_id uuid references by_hand.threads on delete set null,
  content text not null,
  project text,
  model text not null,
  status text not null default 'pending' check (status in ('pending', 'running', 'complete', 'failed')),
  device text,
  attempt integer not null default 0,
  output text,
  progress_count integer not null default 0,
  result text,
  error text,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  metadata jsonb not null default '{}'
) with (fillfactor = 50);
create index on by_hand.tasks (channel_id, created_at desc);

create table by_hand.messages (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references by_hand.channels on delete cascade,
  thread_id uuid references by_hand.threads on delete cascade,
  sender_type text not null check (sender_type in ('human', 'agent', 'system')),
  sender_id text,
  sender_label text,
  content text not null,
  content_type text not null default 'text',
  embed jsonb,
  is_progress boolean not null default false,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp()
);
create index on by_hand.messages (channel_id, created_at desc, id desc) where thread_id is null;
create index on by_hand.messages (thread_id, created_at desc, id desc) where thread_id is not null;

-- What Realtime reads: a table like its own, by day.
create table by_hand.broadcasts (
  id uuid not null default gen_random_uuid(),
  topic text not null,
  event text not null,
  payload jsonb,
  private boolean not null default true,
  inserted_at timestamp not null default now(),
  primary key (id, inserted_at)
) partition by range (inserted_at);
create table by_hand.broadcasts_now partition of by_hand.broadcasts default;

create function by_hand.follow_messages() returns trigger language plpgsql as $$
begin
  insert into by_hand.broadcasts (topic, event, payload)
  select coalesce('thread:' || n.thread_id, 'channel:' || n.channel_id), 'message', to_jsonb(n)
  from new_rows as n order by n.created_at;
  update by_hand.threads as t
  set message_count = t.message_count + n.added, last_message_at = n.newest
  from (
    select thread_id, count(*) as added, max(created_at) as newest
    from new_rows where thread_id is not null group by 1
  ) as n
  where t.id = n.thread_id;
  update by_hand.channels as c
  set message_count = c.message_count + n.added, last_message_at = n.newest
  from (
    select channel_id, count(*) as added, max(created_at) as newest
    from new_rows where thread_id is null group by 1
  ) as n
  where c.id = n.channel_id;
  return null;
end $$;
create trigger follow_messages after insert on by_hand.messages referencing new table as new_rows
for each statement execute function by_hand.follow_messages();

create function by_hand.dispatch(channel uuid, request text, threaded boolean) returns jsonb language plpgsql as $$
declare
  task by_hand.tasks;
  thread uuid;
  short text;
begin
  if threaded then
    insert into by_hand.threads (channel_id, title) values (channel, left(split_part(request, E'\n', 1), 60))
    returning id into thread;
  end if;
  insert into by_hand.tasks (channel_id, thread_id, content, model, project)
  values (channel, thread, request, 'claude', 'bench') returning * into task;
  short := left(task.id::text, 8);
  insert into by_hand.messages (channel_id, thread_id, sender_type, sender_label, content, content_type, embed, metadata)
  select channel, m.thread, m.sender, m.label, m.content, m.type, m.embed, jsonb_build_object('task_id', task.id)
  from (
    values
      (true, thread, 'human', 'Ann', request, 'text', null::jsonb),
      (threaded, null, 'system', 'Bot', format('🧵 %s queued: %s', short, left(request, 60)), 'text', null),
      (not threaded, null, 'system', 'Bot', format(E'⏳ Task %s queued\nModel: %s | Project: %s', short, task.model, task.project),
        'text', null),
      (threaded, thread, 'system', 'Bot', 'Task Queued', 'embed', jsonb_build_object(
        'title', 'Task Queued', 'fields', jsonb_build_array(jsonb_build_object('name', 'Model', 'value', task.model))
      ))
  ) as m (wanted, thread, sender, label, content, type, embed)
  where m.wanted;
  perform graphile_worker.add_job('by_hand', json_build_object('id', task.id));
  return to_jsonb(task);
end $$;

create function by_hand.start(task_id uuid, device_name text) returns jsonb language sql as $$
  update by_hand.tasks as t
  set status = 'running', device = device_name, attempt = t.attempt + 1,
    started_at = clock_timestamp(), updated_at = clock_timestamp()
  where t.id = task_id
  returning jsonb_build_object('id', t.id, 'content', t.content, 'project', t.project, 'model', t.model)
$$;

create function by_hand.report(task_id uuid, text_so_far text) returns void language plpgsql as $$
declare
  before text;
  task by_hand.tasks;
begin
  select t.output into before from by_hand.tasks as t where t.id = task_id for update;
  update by_hand.tasks as t
  set output = text_so_far, progress_count = t.progress_count + 1, updated_at = clock_timestamp()
  where t.id = task_id
  returning * into task;
  insert into by_hand.messages (channel_id, thread_id, sender_type, sender_id, sender_label, content, is_progress, metadata)
  values (
    task.channel_id, task.thread_id, 'agent', task.device, task.device,
    format('📋 %s: %s', left(task_id::text, 8), btrim(substr(text_so_far, length(coalesce(before, '')) + 1), E' \n')),
    true, jsonb_build_object('task_id', task_id)
  );
end $$;

create function by_hand.complete(task_id uuid, outcome text) returns void language plpgsql as $$
declare
  task by_hand.tasks;
begin
  update by_hand.tasks as t
  set status = 'complete', result = outcome, finished_at = clock_timestamp(), updated_at = clock_timestamp()
  where t.id = task_id
  returning * into task;
  insert into by_hand.messages (channel_id, thread_id, sender_type, sender_id, sender_label, content, content_type, embed, metadata)
  values (
    task.channel_id, task.thread_id, 'agent', task.device, task.device,
    case when task.thread_id is null
      then format(E'✅ %s complete [%s/%s]\n%s', left(task_id::text, 8), task.model, task.device, outcome)
      else outcome
    end,
    case when task.thread_id is null then 'result' else 'embed' end,
    case when task.thread_id is not null then jsonb_build_object(
      'title', 'Task Complete', 'fields', jsonb_build_array(jsonb_build_object('name', 'Device', 'value', task.device))
    ) end,
    jsonb_build_object('task_id', task_id)
  );
end $$;

insert into by_hand.channels (name) select 'channel-' || n from generate_series(0, 49) as n;
