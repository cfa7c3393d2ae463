begin;
select plan(9);

create function pg_temp.mark(role text, statement text) returns jsonb language plpgsql as $$
declare
  v_marks jsonb;
begin
  perform tests.sign_in(mark.role);
  execute statement into v_marks;
  perform tests.sign_out();
  return v_marks;
end
$$;
create function pg_temp.marked() returns timestamptz language sql as $$
  select last_read_at from hub_reads where user_id = tests.user_with('viewer') and channel_id = tests.channel('cloud-hub/dispatch')
$$;

select is(
  pg_temp.mark('viewer', format('select mark_read(%L, null, ''2026-01-02'')', tests.channel('cloud-hub/dispatch'))) -> 0 ->> 'channel_id',
  tests.channel('cloud-hub/dispatch')::text, 'A channel is marked as read'
);
select is(pg_temp.marked(), '2026-01-02', 'up to a time');
select is(
  pg_temp.mark('viewer', format('select mark_read(%L, null, ''2026-01-01'')', tests.channel('cloud-hub/dispatch'))), '[]', 'A mark does not go back'
);
select is(pg_temp.marked(), '2026-01-02', 'whoever was slower');
do $$ begin perform pg_temp.mark('viewer', format('select mark_read(%L, null, ''2999-01-01'')', tests.channel('cloud-hub/dispatch'))); end $$;
select ok(pg_temp.marked() <= clock_timestamp(), 'nor into the future');
select is(
  jsonb_array_length(pg_temp.mark('operator', 'select mark_read()')), (select count(*)::integer from hub_channels), 'Without a place, every channel is'
);
do $$ begin perform tests.sign_in('operator'); end $$;
select is((select count(*)::integer from hub_reads where user_id <> auth.uid()), 0, 'Others'' marks are not seen');
do $$ begin perform tests.sign_out(); perform tests.sign_in('service_role'); end $$;
select is(tests.error_of('select public.mark_read()'), '42501', 'The service key reads nothing');
do $$ begin perform tests.sign_out(); end $$;
delete from auth.users where id = (select tests.user_with('viewer'));
select is((select count(*)::integer from hub_reads where user_id = tests.user_with('viewer')), 0, 'Marks go with their user');

select * from finish();
rollback;
