-- Koji's commands: the registry, the one way in, and help.
--
-- A command is a row of koji.commands and one function koji.command_…(argument text) returns text;
-- docs/koji.md shows how to add one. What a caller wrote is kept nowhere.

create or replace function koji.is_handler(handler name) returns boolean
language sql
stable
set search_path = ''
as $$
  select handler::text like 'command\_%' and exists (
    select from pg_catalog.pg_proc as p
    where p.oid = to_regprocedure(format('koji.%I(text)', handler))
      and p.prokind = 'f' and p.prorettype = 'text'::regtype and not p.proretset
  )
$$;
comment on function koji.is_handler(name) is
  'Whether schema koji has a function of this name that a command may call: command_…(text) returns text.';

create table if not exists koji.commands (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{0,31}$'),
  usage text not null,
  description text not null,
  -- A name, not a regprocedure: pg_upgrade refuses databases with columns of that type.
  handler name not null check (koji.is_handler(handler)),
  changes_data boolean not null,
  constraint commands_usage check (
    usage = '!' || name or usage ~ ('^!' || name || ' (<[^<>]+>|\[[^][]+\])$')
  )
);
comment on table koji.commands is 'The commands of command_dispatch servers. Adding one touches nothing else.';
comment on column koji.commands.usage is
  '!name, !name <argument> or !name [argument]: takes none, needs one, may have one. execute_command checks that much.';
comment on column koji.commands.handler is
  'A function of schema koji: command_…(argument text) returns text. The argument is trimmed and '''' when there is none.';
comment on column koji.commands.changes_data is 'Needs the role operator.';

-- Refusals ---------------------------------------------------------------------------------------

create or replace function koji.edit_distance(a text, b text) returns integer
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_before integer[] := array(select generate_series(0, length(b)));
  v_row integer[];
begin
  for i in 1 .. length(a) loop
    v_row := array[i];
    for j in 1 .. length(b) loop
      v_row[j + 1] := least(
        v_before[j + 1] + 1,
        v_row[j] + 1,
        v_before[j] + (substr(a, i, 1) <> substr(b, j, 1))::integer
      );
    end loop;
    v_before := v_row;
  end loop;
  return v_before[length(b) + 1];
end
$$;
comment on function koji.edit_distance(text, text) is
  'Levenshtein distance of two short words. Not fuzzystrmatch: an extension would add to the owner''s schemas, for a dozen names.';

create or replace function koji.unknown_command(name text) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := left(unknown_command.name, 40);
  v_nearest text;
begin
  -- A command that begins like the word, or that the word begins with, is nearer than any slip.
  select c.name into v_nearest
  from koji.commands as c
  cross join lateral (
    select koji.edit_distance(c.name, v_name) as slips,
      length(v_name) > 1 and (starts_with(c.name, v_name) or starts_with(v_name, c.name)) as begins_so
  ) as near
  where near.slips < greatest(length(c.name), length(v_name)) -- something in common
  order by case when near.begins_so then 1 else near.slips end, near.slips, c.name
  limit 1;
  perform hub.refuse('unknown_command', array['"!' || v_name || '"'],
    hint => 'Did you mean !' || v_nearest || '? Send !help for the list of commands.');
end
$$;
comment on function koji.unknown_command(text) is 'Raises unknown_command; the hint names the nearest command, if one has anything in common with the name.';

create or replace function koji.bad_argument(command text, problem text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform hub.refuse('bad_argument', array[problem], hint => 'Usage: ' || coalesce(
    (select c.usage from koji.commands as c where c.name = bad_argument.command), '!name [argument]'
  ));
end
$$;
comment on function koji.bad_argument(text, text) is
  'Raises bad_argument with the problem, a sentence, as message and the command''s usage line as hint.';

-- Chunks -----------------------------------------------------------------------------------------

create or replace function koji.chunks(content text, size integer) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_chunks text[] := array[]::text[];
  v_chunk text := '';
  v_length integer := 0;
  v_line text;
  v_cut integer;
begin
  if length(content) <= size then
    return array[content];
  end if;
  -- Every line but the last gets its line end back.
  foreach v_line in array string_to_array(content, E'\n') loop
    if v_length + length(v_line) >= size then
      if v_length > 0 then
        v_chunks := v_chunks || v_chunk;
        v_chunk := '';
        v_length := 0;
      end if;
      while length(v_line) >= size loop
        v_cut := size - (substr(v_line || E'\n', size, 2) = E'\r\n')::integer;
        v_chunks := v_chunks || left(v_line, v_cut);
        v_line := substr(v_line, v_cut + 1);
      end loop;
    end if;
    v_chunk := v_chunk || v_line || E'\n';
    v_length := v_length + length(v_line) + 1;
  end loop;
  v_chunk := left(v_chunk, -1);
  return case when v_chunk = '' then v_chunks else v_chunks || v_chunk end;
end
$$;
comment on function koji.chunks(text, integer) is
  'Cuts a text into chunks of at most size characters, at line ends where one exists. A line end stays with the line before it: the chunks, joined with nothing between, are the text.';

-- The way in -------------------------------------------------------------------------------------

create or replace function koji.execute_command(channel_id uuid, command text) returns jsonb
language plpgsql
security definer -- the sales data and its handlers are closed to API roles
set search_path = ''
-- Handlers count days and months in UTC and write them as 2026-11-24, whatever the session prefers.
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
declare
  v_channel record;
  v_line text;
  v_name text;
  v_argument text;
  v_command koji.commands;
  v_text text;
begin
  perform hub.require_channel_role(execute_command.channel_id, 'viewer');
  select c.display_name, c.is_read_only, s.architecture_type, s.paused_at, s.display_name as server
  into v_channel
  from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where c.id = execute_command.channel_id;
  if v_channel.architecture_type <> 'command_dispatch' then
    perform hub.refuse('wrong_architecture',
      array[v_channel.display_name, v_channel.architecture_type, 'commands'],
      hint => 'Send it with dispatch_task.');
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  elsif v_channel.paused_at is not null then
    perform hub.refuse('server_paused', array[v_channel.server]);
  end if;

  perform hub.require_content(execute_command.command, 'command', 2000);
  v_line := regexp_replace(translate(execute_command.command, E'\t', ' '), '^\s*!?\s*|\s+$', '', 'g');
  v_name := substring(v_line from '^\S*');
  v_argument := ltrim(substr(v_line, length(v_name) + 1));
  v_name := lower(v_name);
  if v_line ~ '[\x01-\x1f\x7f-\x9f\u2028\u2029]' then
    perform koji.bad_argument(v_name, 'A command is one line without control characters.');
  end if;

  select * into v_command from koji.commands as c where c.name = v_name;
  if not found then
    perform koji.unknown_command(v_name);
  end if;
  if v_command.changes_data then
    perform hub.require_channel_role(execute_command.channel_id, 'operator');
  end if;
  if v_argument = '' and v_command.usage like '%>' then
    perform koji.bad_argument(v_name, format('!%s needs an argument.', v_name));
  elsif v_argument <> '' and v_command.usage = '!' || v_name then
    perform koji.bad_argument(v_name, format('!%s takes no argument.', v_name));
  end if;

  execute format('select koji.%I($1)', v_command.handler) into v_text using v_argument;
  return jsonb_build_object(
    'command', v_command.name,
    'chunks', koji.chunks(v_text, (select s.chunk_size from hub.settings as s))
  );
end
$$;

create or replace function public.execute_command(channel_id uuid, command text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.execute_command(execute_command.channel_id, execute_command.command);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.execute_command(uuid, text) is
  'Runs one command, as "!hot brooklyn", in a channel of a command_dispatch server; returns {command, chunks: [text]}. The chunks, joined with nothing between, are the answer. Viewer; operator where changes_data. Errors: channel_not_found, wrong_architecture, channel_read_only, server_paused, content_empty, content_too_long, unknown_command, bad_argument, role_required.';

create or replace function koji.list_commands() returns jsonb
language plpgsql
stable
security definer -- the registry is closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return coalesce(
    (
      select jsonb_agg(jsonb_build_object(
        'name', c.name, 'description', c.description, 'usage', c.usage, 'changes_data', c.changes_data
      ) order by c.name)
      from koji.commands as c
    ),
    '[]'
  );
end
$$;

create or replace function public.list_commands() returns jsonb
language sql
stable
set search_path = ''
as $$
  select koji.list_commands()
$$;
comment on function public.list_commands() is
  'All commands in the order of their names: [{name, description, usage, changes_data}]. Viewer.';

-- Help -------------------------------------------------------------------------------------------

create or replace function koji.command_help(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := lower(ltrim(argument, '!'));
  v_help text;
begin
  select string_agg(
    c.usage || ' - ' || c.description || case when c.changes_data then ' (operator)' else '' end,
    E'\n' order by c.name
  ) into v_help
  from koji.commands as c
  where v_name in ('', c.name);
  if v_help is null then
    perform koji.unknown_command(v_name);
  end if;
  return v_help;
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('help', '!help [command]', 'What each command does', 'command_help', false)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

revoke execute on all functions in schema koji from public;
revoke execute on function public.execute_command(uuid, text), public.list_commands() from public;
grant execute on function
  public.execute_command(uuid, text), koji.execute_command(uuid, text),
  public.list_commands(), koji.list_commands()
to anon, authenticated, service_role;
