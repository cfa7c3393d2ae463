begin;
select plan(3);

select tests.sign_in('operator');
insert into hub_channel_messages (id, channel_id, content)
values ('11111111-1111-4111-8111-111111111111', tests.channel('buf-barista/bridge'), 'Once');
select lives_ok(
  $$insert into hub_channel_messages (id, channel_id, content)
    values ('11111111-1111-4111-8111-111111111111', tests.channel('buf-barista/bridge'), 'Once')
    on conflict (id) do nothing$$,
  'a message that is sent again with its id is no error'
);
select is(
  (select count(*)::integer from hub_channel_messages where id = '11111111-1111-4111-8111-111111111111'), 1,
  'and is there once'
);
select throws_ok(
  $$insert into hub_channel_messages (id, channel_id, content)
    values ('11111111-1111-4111-8111-111111111111', tests.channel('buf-barista/bridge'), 'Twice')$$,
  '23505', null, 'nobody replaces a message by its id'
);

select * from finish();
rollback;
