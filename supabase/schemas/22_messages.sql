-- Messages: what a channel or a thread shows, who may post what, and the counters over it.

-- Embeds -----------------------------------------------------------------------------------------

create or replace function hub.embed_problem(embed jsonb) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_field jsonb;
begin
  if jsonb_typeof(embed) <> 'object' then
    return 'it is not an object';
  elsif pg_column_size(embed) > 262144 then
    return 'it takes more than 256 kB';
  elsif embed - array['title', 'description', 'color', 'fields', 'footer', 'timestamp'] <> '{}' then
    return 'it has a key other than title, description, color, fields, footer, timestamp';
  elsif coalesce(jsonb_typeof(embed -> 'title'), 'none') <> 'string' then
    return 'title is not a string';
  elsif length(embed ->> 'title') not between 1 and 256 then
    return 'title has not 1 to 256 characters';
  elsif coalesce(jsonb_typeof(embed -> 'description'), 'string') not in ('string', 'null') then
    return 'description is not a string';
  elsif length(embed ->> 'description') > 4096 then
    return 'description has more than 4096 characters';
  elsif coalesce(jsonb_typeof(embed -> 'color'), 'number') not in ('number', 'null') then
    return 'color is not an integer';
  elsif length(embed ->> 'color') > 20 then
    return 'color is not an integer from 0 to 16777215';
  elsif (embed ->> 'color')::numeric not between 0 and 16777215 or (embed ->> 'color')::numeric % 1 <> 0 then
    return 'color is not an integer from 0 to 16777215';
  elsif coalesce(jsonb_typeof(embed -> 'footer'), 'string') not in ('string', 'null') then
    return 'footer is not a string';
  elsif length(embed ->> 'footer') > 2048 then
    return 'footer has more than 2048 characters';
  elsif coalesce(jsonb_typeof(embed -> 'timestamp'), 'string') not in ('string', 'null') then
    return 'timestamp is not a string';
  elsif (embed ->> 'timestamp') !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d[0-9:.+Z -]{0,30}$' then
    return 'timestamp is not ISO 8601';
  elsif coalesce(jsonb_typeof(embed -> 'fields'), 'null') = 'null' then
    return null;
  elsif jsonb_typeof(embed -> 'fields') <> 'array' then
    return 'fields is not an array';
  elsif jsonb_array_length(embed -> 'fields') > 25 then
    return 'there are more than 25 fields';
  end if;
  for v_position in 0 .. jsonb_array_length(embed -> 'fields') - 1 loop
    v_field := embed -> 'fields' -> v_position;
    if (
      jsonb_typeof(v_field) = 'object'
      and jsonb_typeof(v_field -> 'name') = 'string' and length(v_field ->> 'name') between 1 and 256
      and jsonb_typeof(v_field -> 'value') = 'string' and length(v_field ->> 'value') between 1 and 1024
      and coalesce(jsonb_typeof(v_field -> 'inline'), 'boolean') = 'boolean'
      and v_field - array['name', 'value', 'inline'] = '{}'
    ) is not true then
      return 'a field is not {name, value, inline} with a name of 1 to 256 and a value of 1 to 1024 characters';
    end if;
  end loop;
  return null;
end
$$;
comment on function hub.embed_problem(jsonb) is 'What is wrong with an embed, in words; null if nothing is.';

create or replace function hub.check_embed(embed jsonb) returns boolean
language plpgsql
immutable
security definer -- reads the registry of errors, for any role that writes messages
set search_path = ''
as $$
begin
  if hub.embed_problem(check_embed.embed) is not null then
    perform hub.refuse('invalid_embed', array[hub.embed_problem(check_embed.embed)]);
  end if;
  return true;
end
$$;
comment on function hub.check_embed(jsonb) is 'True, or raises invalid_embed: the check constraint of hub_channel_messages.';

-- The table --------------------------------------------------------------------------------------

create table if not exists public.hub_channel_messages (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid,
  sender_type text not null default 'human' check (sender_type in ('human', 'agent', 'system')),
  sender_id text,
  sender_label text,
  content text not null,
  content_type text not null default 'text'
    check (content_type in ('text', 'embed', 'command', 'result', 'error')),
  embed_data jsonb check (embed_data is null or hub.check_embed(embed_data)),
  reply_to uuid references public.hub_channel_messages on delete set null,
  is_progress boolean not null default false,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  -- A message's thread belongs to its channel.
  constraint hub_channel_messages_task_thread_id_fkey
    foreign key (task_thread_id, channel_id) references public.hub_task_threads (id, channel_id)
    on delete cascade on update cascade
);
comment on table public.hub_channel_messages is
  'Messages of channels (no thread) and threads. Read by every signed-in user; an operator may insert a person''s own words. A page: channel_id=eq.…&task_thread_id=is.null&order=created_at.desc,id.desc.';
comment on column public.hub_channel_messages.task_thread_id is 'Null: a flat message of the channel.';
comment on column public.hub_channel_messages.sender_id is 'The user''s id of a human, the device''s name of an agent; filled in.';
comment on column public.hub_channel_messages.sender_label is 'The name to show; filled in for a human.';
comment on column public.hub_channel_messages.embed_data is
  '{title, description, color: 0 to 16777215, fields: [{name, value, inline}], footer, timestamp}; else invalid_embed.';
comment on column public.hub_channel_messages.is_progress is 'Posted while a task runs; the last one may be rewritten.';
comment on column public.hub_channel_messages.metadata is
  '{event, task_id, task_thread_id, team_id, device_id}: event is what an agent or the system tells, a name of docs/events.md; the ids are of what the message is about. A person''s message has whatever its client adds.';
comment on column public.hub_channel_messages.created_at is 'The clock, not the transaction''s start.';

create index if not exists idx_hub_channel_messages_channel
on public.hub_channel_messages (channel_id, created_at desc, id desc) where task_thread_id is null;
create index if not exists idx_hub_channel_messages_thread
on public.hub_channel_messages (task_thread_id, created_at desc, id desc) where task_thread_id is not null;
create index if not exists idx_hub_channel_messages_reply on public.hub_channel_messages (reply_to)
where reply_to is not null;

create table if not exists hub.message_events (
  name text primary key check (name ~ '^[a-z_]+$'),
  meaning text not null
);
comment on table hub.message_events is
  'What messages of agents and of the system tell: each has one of these names as metadata.event, by which clients tell messages apart. docs/events.md lists the same.';

-- Who may post -----------------------------------------------------------------------------------

create or replace function hub.is_visible(content text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Spaces, control characters, and what has no width or no ink: joiners, fillers, marks of direction, the
  -- braille blank, variation selectors, tags, and the place of an object that is not there.
  return content ~
    '[^[:space:]\x01-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]';
end
$$;
comment on function hub.is_visible(text) is 'Whether there is something to see in a text.';

create or replace function hub.require_content(content text, what text, most integer default null) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most integer := coalesce(most, (select s.max_content from hub.settings as s));
begin
  if hub.is_visible(content) is not true then
    perform hub.refuse('content_empty', array[what]);
  end if;
  if length(content) > v_most then
    perform hub.refuse('content_too_long', array[what, length(content)::text, v_most::text]);
  end if;
end
$$;
comment on function hub.require_content(text, text, integer) is 'Raises content_empty, or content_too_long over so many characters: by default hub.settings.max_content.';

create or replace function hub.guard_message() returns trigger
language plpgsql
security definer -- reads channels, threads and profiles for a caller who may not
set search_path = ''
as $$
declare
  v_channel public.hub_channels;
  v_extra text;
  v_before integer := coalesce(nullif(current_setting('hub.posted', true), '')::integer, 0);
  v_is_person boolean := hub.api_role() in ('anon', 'authenticated');
begin
  if v_is_person then
    perform hub.require_channel_role(new.channel_id, 'operator');
  end if;
  if new.task_thread_id is not null and not exists (
    select from public.hub_task_threads as t
    where t.id = new.task_thread_id and t.channel_id = new.channel_id
  ) then
    perform hub.refuse('thread_not_found', array[new.task_thread_id::text]);
  end if;
  if v_is_person is not true then
    return new;
  end if;

  select * into v_channel from public.hub_channels as c where c.id = new.channel_id;
  if v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  v_extra := case
    when new.sender_type <> 'human' then format('the sender_type %s', new.sender_type)
    when new.sender_id <> auth.uid()::text then 'another user''s sender_id'
    when new.embed_data is not null then 'an embed'
    when new.is_progress then 'is_progress'
    when new.content_type not in ('text', 'command') then format('the content_type %s', new.content_type)
    when jsonb_typeof(new.metadata) <> 'object' then 'metadata that is no object'
    when pg_column_size(new.metadata) > 16384 then 'more than 16 kB of metadata'
    when new.reply_to is not null and not exists (
      select from public.hub_channel_messages as m
      where m.id = new.reply_to and m.channel_id = new.channel_id
    ) then 'a reply_to outside of its channel'
    -- So many would hold the channel's counters until the statement times out.
    when v_before >= 1000 then '1000 others before it in one request'
  end;
  if v_extra is not null then
    perform hub.refuse('invalid_message', array[v_extra]);
  end if;
  perform hub.require_content(new.content, 'message');
  new.sender_id := auth.uid()::text;
  new.sender_label := hub.user_label(auth.uid());
  perform set_config('hub.posted', (v_before + 1)::text, true);
  return new;
end
$$;
comment on function hub.guard_message() is
  'A direct insert is a person''s own words: anything else is refused, and the sender is filled in.';

-- For every database role but the owner's: whatever roles an app has made may post, none is let by.
do $$
begin
  execute format(
    $trigger$
      create or replace trigger _100_guard_message
      before insert on public.hub_channel_messages
      for each row when (current_user::text <> %L)
      execute function hub.guard_message()
    $trigger$,
    current_user
  );
end
$$;

alter table public.hub_channel_messages enable row level security;
revoke all on public.hub_channel_messages from anon, authenticated, service_role;
grant select, insert, update, delete on public.hub_channel_messages to service_role;
grant select on public.hub_channel_messages to authenticated;
-- The id is the sender's to choose, so that what is sent again after a lost answer is there once.
grant insert (
  id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type, embed_data,
  reply_to, is_progress, metadata
) on public.hub_channel_messages to authenticated;

drop policy if exists authenticated_read_messages on public.hub_channel_messages;
create policy authenticated_read_messages on public.hub_channel_messages
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));
drop policy if exists authenticated_insert_messages on public.hub_channel_messages;
create policy authenticated_insert_messages on public.hub_channel_messages
for insert to authenticated with check (
  channel_id in (select hub.channels_with('operator'))
  and sender_type = 'human' and sender_id = (select auth.uid())::text
  and embed_data is null and not is_progress
);

-- Counters ---------------------------------------------------------------------------------------
-- By statement, with transition tables: exact whatever the statement does, and cheap in bulk. Channels
-- are locked before threads, and each kind in the order of ids, so that two sessions cannot cross.

create or replace function hub.lock_counters(channels uuid[], threads uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- A single row needs no order: the update itself locks it. But a channel comes before any thread.
  if cardinality(channels) > 1 or cardinality(threads) > 1 then
    perform from public.hub_channels as c where c.id = any (channels) order by c.id for no key update;
  end if;
  if cardinality(threads) > 1 then
    perform from public.hub_task_threads as t where t.id = any (threads) order by t.id for no key update;
  end if;
end
$$;
comment on function hub.lock_counters(uuid[], uuid[]) is 'Locks the rows whose counters a statement will change, in a fixed order.';

create or replace function hub.count_new_messages() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
set enable_seqscan = off
set jit = off
set lock_timeout = '2500ms' -- as the public functions have it: people insert messages themselves
as $$
declare
  v_place record;
begin
  -- By its key, one place after the other, channels before threads: this is the order of locks too, and no
  -- plan can read the whole of a table.
  for v_place in
    select case when n.task_thread_id is null then n.channel_id end as channel_id, n.task_thread_id,
      count(*) as messages, max(n.created_at) as newest,
      max(n.created_at) filter (where n.sender_type <> 'system') as activity
    from new_rows as n group by 1, 2 order by 1, 2
  loop
    if v_place.task_thread_id is null then
      update public.hub_channels as c
      set message_count = c.message_count + v_place.messages,
        last_message_at = greatest(c.last_message_at, v_place.newest)
      where c.id = v_place.channel_id;
      continue;
    end if;
    update public.hub_task_threads as t
    set message_count = t.message_count + v_place.messages,
      last_activity_at = greatest(t.last_activity_at, v_place.activity),
      status = case when v_place.activity is null then t.status else 'active' end,
      next_transition_at = case
        when v_place.activity is null then t.next_transition_at
        else greatest(t.last_activity_at, v_place.activity) + coalesce(
          (select c.idle_after from public.hub_channels as c where c.id = t.channel_id),
          (select s.idle_after from hub.settings as s)
        )
      end
    where t.id = v_place.task_thread_id and t.status <> 'archived';
    if not found then
      -- Known only here, under the thread's lock: a tick may just have archived it.
      perform hub.refuse('thread_archived', array[v_place.task_thread_id::text]);
    end if;
  end loop;
  return null;
exception when lock_not_available or deadlock_detected then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.count_new_messages() is
  'Adds new messages to the counters of channels and threads; a message of a person or an agent makes its thread active. Errors: thread_archived, busy.';

create or replace function hub.recount_messages() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
as $$
declare
  v_moves jsonb;
  v_channels uuid[];
  v_threads uuid[];
begin
  -- One shape for deletions and updates: by how much the messages of each place have changed.
  if tg_op = 'DELETE' then
    select jsonb_agg(m) into v_moves from (
      select case when task_thread_id is null then channel_id end as channel_id, task_thread_id, -count(*) as delta
      from old_rows group by 1, 2
    ) as m;
  else
    select jsonb_agg(m) into v_moves from (
      -- A thread has its messages also while it moves to another channel.
      select case when task_thread_id is null then channel_id end as channel_id, task_thread_id, sum(delta) as delta
      from (
        select channel_id, task_thread_id, created_at, 1 as delta from new_rows
        union all
        select channel_id, task_thread_id, created_at, -1 from old_rows
      ) as both_sides
      group by 1, 2
      having sum(delta) <> 0
        or max(created_at) filter (where delta = 1) <> max(created_at) filter (where delta = -1)
    ) as m;
  end if;
  if v_moves is null then
    return null;
  end if;

  select array_agg(distinct m.channel_id) filter (where m.task_thread_id is null),
    array_agg(distinct m.task_thread_id) filter (where m.task_thread_id is not null)
  into v_channels, v_threads
  from jsonb_to_recordset(v_moves) as m (channel_id uuid, task_thread_id uuid);
  perform hub.lock_counters(v_channels, v_threads);
  -- The newest message is looked up under the channel's lock, so that one being posted waits its turn.
  perform from public.hub_channels as c where c.id = any (v_channels) for no key update;
  update public.hub_channels as c
  set message_count = c.message_count + m.delta,
    last_message_at = (
      select max(newest.created_at) from public.hub_channel_messages as newest
      where newest.channel_id = c.id and newest.task_thread_id is null
    )
  from jsonb_to_recordset(v_moves) as m (channel_id uuid, task_thread_id uuid, delta integer)
  where c.id = m.channel_id and m.task_thread_id is null;

  update public.hub_task_threads as t
  set message_count = t.message_count + m.delta
  from jsonb_to_recordset(v_moves) as m (task_thread_id uuid, delta integer)
  where t.id = m.task_thread_id;
  return null;
end
$$;
comment on function hub.recount_messages() is
  'Follows deletions and changes of messages in the counters of channels and threads.';

-- The last trigger of an insert: the lock of a busy channel's row is held for the commit and nothing else.
create or replace trigger _800_count_new_messages
after insert on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.count_new_messages();

create or replace trigger _500_recount_messages_on_delete
after delete on public.hub_channel_messages referencing old table as old_rows
for each statement execute function hub.recount_messages();

create or replace trigger _500_recount_messages_on_update
after update on public.hub_channel_messages referencing old table as old_rows new table as new_rows
for each statement execute function hub.recount_messages();

revoke execute on all functions in schema hub from public;
-- The check constraint runs as whoever writes the message.
grant execute on function hub.check_embed(jsonb) to authenticated, service_role;
