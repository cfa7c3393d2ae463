-- order_servers and order_channels: what they answer, where new ones go, and who may not.
begin;
select plan(20);

create function pg_temp.server(name text) returns uuid language sql as $$
  select s.id from public.hub_servers as s where s.name = server.name
$$;
create function pg_temp.names(rows jsonb) returns text[] language sql as $$
  select array_agg(r ->> 'name' order by n) from jsonb_array_elements(rows) with ordinality as r (r, n)
$$;
create function pg_temp.order_channels(variadic names text[]) returns text[] language sql as $$
  select pg_temp.names(order_channels(
    pg_temp.server('koji-pipeline'),
    array(select tests.channel('koji-pipeline/' || n.name) from unnest(names) with ordinality as n (name, at) order by n.at)
  ))
$$;
delete from hub_servers where not is_default;

select is((select count(*) from hub_servers where position is not null), 0::bigint, 'Nothing has a place until somebody gives it one');
select tests.sign_in('admin');
select is(
  pg_temp.names(order_servers(array[pg_temp.server('cloud-hub'), pg_temp.server('koji-pipeline')])),
  '{cloud-hub,koji-pipeline,buf-barista}', 'order_servers answers all servers: the named ones first, in this order'
);
select is(
  pg_temp.names(order_servers(array[pg_temp.server('buf-barista')])),
  '{buf-barista,cloud-hub,koji-pipeline}', 'and the others after them, as they were'
);
select is(pg_temp.order_channels('digest', 'sweeps', 'leads', 'accounts'), '{digest,sweeps,leads,accounts}', 'order_channels does the same on a server');
select is(pg_temp.order_channels('leads'), '{leads,digest,sweeps,accounts}', 'with the named ones first');
insert into hub_channels (server_id, name, display_name) values (pg_temp.server('koji-pipeline'), 'aardvarks', '#aardvarks');
select is(pg_temp.order_channels('accounts'), '{accounts,leads,digest,sweeps,aardvarks}', 'A new channel is the last one');
select is(
  tests.error_of(format(
    'select public.order_channels(%L, array[%L::uuid])', pg_temp.server('koji-pipeline'), tests.channel('buf-barista/quick')
  )),
  'channel_not_found', 'A channel of another server is not found'
);
select is(tests.error_of(format('select public.order_servers(%L)', c.ids)), c.error, format('order_servers does not take %s: %s', c.ids, c.error))
from (values
  (null, 'bad_argument'), ('{}', 'bad_argument'), ('{null,null}', 'bad_argument'), ('{null}', 'bad_argument'),
  (format('{%1$s,%1$s}', pg_temp.server('cloud-hub')), 'bad_argument'), (format('{%s}', gen_random_uuid()), 'server_not_found')
) as c (ids, error);
select is(
  tests.error_of(format('select public.order_channels(%L, %L)', pg_temp.server('koji-pipeline'), c.ids)), c.error,
  format('order_channels does not take %s: %s', c.ids, c.error)
)
from (values (null, 'bad_argument'), ('{null,null}', 'bad_argument'), (format('{%s}', gen_random_uuid()), 'channel_not_found')) as c (ids, error);
select tests.sign_out();

select tests.sign_in('operator');
select is(tests.error_of(format('select public.order_servers(array[%L::uuid])', pg_temp.server('cloud-hub'))), 'role_required', 'Operators order no servers');
select is(
  tests.error_of(format('select public.order_channels(%L, array[%L::uuid])', pg_temp.server('koji-pipeline'), tests.channel('koji-pipeline/leads'))),
  'role_required', 'and no channels'
);
select tests.sign_out();
do $$ begin perform public.set_server_role(pg_temp.server('koji-pipeline'), tests.user_with('operator'), 'admin'); end $$;
select tests.sign_in('operator');
select is(pg_temp.order_channels('sweeps'), '{sweeps,accounts,leads,digest,aardvarks}', 'A server''s own admin orders its channels');
select tests.sign_out();
select is(
  (select count(*) from (select s.position - lag(s.position) over (order by s.position) as step from hub_servers as s) as g where g.step < 1), 0::bigint,
  'No two servers have the same place'
);

select * from finish();
rollback;
