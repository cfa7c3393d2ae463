-- Realtime's private topics: who may not read cannot join, and nobody speaks as the server.
begin;
select no_plan();

do $$
begin
  perform tests.user_with(r) from unnest(array['viewer', 'operator', 'admin']) as r;
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'A thread');
end
$$;

-- What Realtime does at a join: it leaves a row, becomes the client, and looks whether it can be read.
create function pg_temp.may(role text, topic text, extension text default 'broadcast') returns text
language plpgsql
as $$
declare
  v_read boolean;
  v_write text;
begin
  insert into realtime.messages (topic, extension) values (may.topic, may.extension);
  perform tests.sign_in(may.role);
  perform set_config('realtime.topic', may.topic, true);
  v_read := exists (select from realtime.messages as m where m.topic = may.topic and m.extension = may.extension);
  v_write := tests.error_of(format('insert into realtime.messages (topic, extension) values (%L, %L)', may.topic, may.extension));
  perform tests.sign_out();
  return concat_ws(' and ', case when v_read then 'read' end, case when v_write is null then 'write' end);
end
$$;

create temp table topics as
select 'channel:' || c.id as topic from public.hub_channels as c where c.name = 'dispatch'
union all
select 'thread:' || t.id from public.hub_task_threads as t where t.name like '%A thread'
union all
select 'mesh';
grant select on topics to authenticated;

select is(pg_temp.may(r.role, t.topic), case when r.role <> 'anon' then 'read' else '' end,
  format('%s on %s: %s', r.role, split_part(t.topic, ':', 1), case when r.role <> 'anon' then 'read' else 'nothing' end))
from topics as t
cross join unnest(array['anon', 'stranger', 'viewer', 'operator', 'admin']) as r (role);

select is(pg_temp.may('admin', t.topic), '', format('No policy of this project opens %L', t.topic))
from (values
  ('channel:00000000-0000-0000-0000-000000000001'), ('thread:00000000-0000-0000-0000-000000000001'),
  ('channel:'), ('channel:x'), ('channel:' || tests.channel('cloud-hub/dispatch') || ':more'),
  (E'channel:' || tests.channel('cloud-hub/dispatch') || E'\n'), ('mesh:wake'), ('mesh:more'), ('room:1'), ('')
) as t (topic);
select is(pg_temp.may('admin', 'mesh', 'presence'), '', 'nor presence');

-- An app beside this, with topics of its own and policies that allow its users everything.
create policy app_read on realtime.messages for select to authenticated using (realtime.topic() = 'room:1');
create policy app_write on realtime.messages for insert to authenticated with check (true);
select is(pg_temp.may('viewer', 'room:1'), 'read and write', 'Topics of the app are as the app says');
select is(pg_temp.may('viewer', 'channel:00000000-0000-0000-0000-000000000001'), 'write',
  'also where they are named like this project''s');
select is(pg_temp.may('admin', t.topic), 'read', format('Even so nobody speaks on %s', split_part(t.topic, ':', 1)))
from topics as t;

do $$ begin perform tests.sign_in('operator'); perform set_config('realtime.topic', 'room:1', true); end $$;
select is(
  tests.error_of(format('insert into realtime.messages (topic, extension, event) values (%L, ''broadcast'', ''message'')', t.topic)),
  '42501', format('nor by a row for %s under another topic''s name', split_part(t.topic, ':', 1))
)
from topics as t;

do $$ begin perform tests.sign_out(); end $$;
select cmp_ok(
  (select count(*) from realtime.messages as m join topics as t using (topic) where m.event = 'thread' and m.private), '>', 0::bigint,
  'The database itself speaks, in private'
);
select is_empty(
  $$ select from realtime.messages as m where m.event in ('message', 'thread', 'device') and m.private is not true $$,
  'and never in public'
);
select is_empty(
  $$ select from realtime.messages as m where not coalesce(m.private, false) and m.payload <> '{}' $$,
  'What goes to a public topic says nothing'
);

select * from finish();
rollback;
