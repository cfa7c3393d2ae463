begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(28);

select is(
  (select array_agg(c ->> 'name' order by p) from jsonb_array_elements(list_commands()) with ordinality as l (c, p)),
  array['digest', 'export', 'followup', 'help', 'hot', 'lead', 'send-samples', 'stats', 'sweep', 'sweep-status', 'warm'],
  'list_commands() lists every command by name'
);
select is(
  (select c from jsonb_array_elements(list_commands()) as c where c ->> 'name' = 'lead'),
  '{"name": "lead", "usage": "!lead <id>", "description": "Everything about one lead", "changes_data": false}',
  'list_commands() says of a command its name, usage, description and whether it changes data'
);
select is(
  (select array_agg(c.name order by c.name) from koji.commands as c where c.changes_data),
  array['followup', 'send-samples', 'sweep'],
  'commands that change data are the three actions'
);

-- A new command is a function and a row --------------------------------------------------------

create function koji.command_echo(argument text) returns text language sql set search_path = '' as $$
  select 'You said: ' || argument
$$;
insert into koji.commands (name, usage, description, handler, changes_data)
values ('echo', '!echo <text>', 'Says it again', 'command_echo', true);
create function pg_temp.says(command text) returns text language sql as $$
  select string_agg(c, '' order by p)
  from jsonb_array_elements_text(
    public.execute_command(tests.channel('koji-pipeline/leads'), command) -> 'chunks'
  ) with ordinality as t (c, p)
$$;
create function pg_temp.refusal(command text) returns text language sql as $$
  select tests.error_of(format('select pg_temp.says(%L)', command))
$$;
select is(pg_temp.says('!ECHO  Hello,  World '), 'You said: Hello,  World', 'execute_command() runs a new command with its trimmed argument');
select is(pg_temp.says('help echo'), '!echo <text> - Says it again (operator)', 'help shows a new command');
select is(pg_temp.refusal('echo'), 'bad_argument', 'execute_command() demands the argument of a new command');
select is(pg_temp.refusal('ecoh hi'), 'unknown_command', 'execute_command() knows a new command by its name only');
select is(jsonb_array_length(list_commands()), 12, 'list_commands() lists a new command');
select is(array_length(string_to_array(pg_temp.says('help'), E'\n'), 1), 12, 'help has one line for each command');
select is(pg_temp.says('help !hot'), '!hot [market] - The ten best hot leads', 'help takes a name with its mark');
select is(pg_temp.refusal('help nothing'), 'unknown_command', 'help refuses a name that no command has');

-- What the registry refuses --------------------------------------------------------------------

create function pg_temp.add(name text, usage text, handler name) returns text language sql as $$
  select left(tests.error_of(format(
    'insert into koji.commands (name, usage, description, handler, changes_data) values (%L, %L, ''x'', %L, false)',
    name, usage, handler
  )), 5)
$$;
create function koji.command_number(argument text) returns integer language sql as 'select 1';
select is(pg_temp.add('Loud', '!Loud', 'command_echo'), '23514', 'a command''s name is lower-case');
select is(pg_temp.add('two words', '!two words', 'command_echo'), '23514', 'a command''s name is one word');
select is(pg_temp.add('other', '!another', 'command_echo'), '23514', 'a usage line begins with the command''s name');
select is(pg_temp.add('other', '!other <a> <b>', 'command_echo'), '23514', 'a usage line has one argument at most');
select is(pg_temp.add('other', '!other', 'command_missing'), '23514', 'a handler exists');
select is(pg_temp.add('other', '!other', 'command_number'), '23514', 'a handler returns text');
select is(pg_temp.add('other', '!other', 'fold'), '23514', 'a handler is a function made for it');
select is(pg_temp.add('other', '!other', 'command_hot(text); select 1; --'), '23514', 'a handler is a name, not SQL');
select is(pg_temp.add('echo', '!echo', 'command_echo'), '23505', 'a name has one command');

-- What API roles reach -------------------------------------------------------------------------

select is(
  (
    select array_agg(p.oid::regprocedure::text order by p.oid::regprocedure::text)
    from pg_proc as p
    where p.pronamespace = 'koji'::regnamespace
      and p.proname not in ('command_echo', 'command_number') -- made above, with the rights of any new function
      and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'))
  ),
  array['koji.execute_command(uuid,text)', 'koji.list_commands()'],
  'of schema koji, users may call execute_command and list_commands alone'
);
select is(
  (
    select array_agg(p.oid::regprocedure::text order by p.oid::regprocedure::text)
    from pg_proc as p
    where p.pronamespace = 'koji'::regnamespace and p.proname not in ('command_echo', 'command_number')
      and has_function_privilege('service_role', p.oid, 'execute')
  ),
  array['koji.claim_sweep()', 'koji.complete_sweep(uuid,jsonb,text)', 'koji.execute_command(uuid,text)', 'koji.list_commands()'],
  'of schema koji, the service key may call the sweeps'' consumer side too'
);
select is(
  (
    select count(*) from pg_class as c, unnest(array['anon', 'authenticated', 'service_role']) as r
    where c.relnamespace = 'koji'::regnamespace and c.relkind in ('r', 'v', 'm', 'S')
      and case c.relkind when 'S' then has_sequence_privilege(r, c.oid, 'usage, select, update')
        else has_table_privilege(r, c.oid, 'select, insert, update, delete, truncate') end
  ),
  0::bigint, 'API roles have no right on any table of schema koji'
);
select is(
  (
    select count(*) from pg_proc as p
    where p.pronamespace = 'koji'::regnamespace and p.prosecdef
      and p.proname not in ('execute_command', 'list_commands', 'claim_sweep', 'complete_sweep')
  ),
  0::bigint, 'no handler runs with rights of its own'
);
select tests.sign_in('admin');
select is(tests.error_of('select koji.command_stats('''')'), '42501', 'a handler cannot be called beside execute_command');
select is(tests.error_of('select from koji.prospects'), '42501', 'the sales data cannot be read beside execute_command');
select is(tests.error_of('select public.claim_sweep()'), '42501', 'claim_sweep() refuses an admin: it is the service key''s');
select is(tests.error_of('select public.complete_sweep(gen_random_uuid())'), '42501', 'complete_sweep() refuses an admin: it is the service key''s');

select * from finish();
rollback;
