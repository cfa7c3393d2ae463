-- Models are rows: a new one needs nothing else, a disabled one gets no task, a deleted one is forgotten.
begin;
select plan(18);

select tests.sign_in('admin');
insert into hub_models (name, label, position) values ('opencode', 'OpenCode', 40);
select is(
  (select array_agg(m.name order by m.position) from hub_models as m), '{claude,codex,gemini,opencode}',
  'an admin adds a model'
);
select throws_ok(
  $$insert into hub_models (name, label) values ('any', 'Any')$$, '23514', null, 'any is no model'
);
select tests.sign_out();
select results_eq(
  $$select c.model from hub.model_chains as c where c.preference = 'opencode' order by c.position$$,
  array['opencode', 'claude', 'codex', 'gemini'], 'it falls back on the others in their order'
);
select results_eq(
  $$select c.model from hub.model_chains as c where c.preference = 'any' order by c.position$$,
  array['claude', 'codex', 'gemini', 'opencode'], 'and is the last that is tried for any'
);
select results_eq(
  $$select c.model from hub.model_chains as c where c.preference = 'gemini' order by c.position$$,
  array['gemini', 'claude', 'codex'], 'the other chains stay as they are'
);

-- A device registers it, a task asks for it, and gets it.
select tests.sign_in('operator');
select tests.keep('pc', register_device('models-pc', 'linux', '["opencode", "claude"]', 10));
select lives_ok(
  $$select dispatch_task(tests.channel('buf-barista/quick'), 'Say hello', model => 'opencode')$$,
  'a task may ask for it'
);
select is(tests.error_of($$select public.dispatch_task(tests.channel('buf-barista/quick'), 'Say hello', model => 'mistral')$$), 'bad_argument', 'nobody may ask for what is no model');
select is(tests.error_of($$select public.register_device('models-mac', 'macos', '["mistral"]')$$), 'bad_argument', 'or have it on a device');
select is(tests.error_of($$insert into public.hub_models (name, label) values ('goose', 'Goose')$$), 'role_required', 'an operator writes no models');
select is(tests.error_of($$delete from public.hub_models$$), 'role_required', 'an operator writes no models');
select tests.sign_out();
select is(
  claim_tasks(tests.kept('pc') ->> 'token') #>> '{0,model}', 'opencode', 'and its device claims with it'
);

-- Disabled: tasks that want it go to the next of its chain, and no new one may ask for it.
update hub_models set enabled = false where name = 'opencode';
select tests.sign_in('operator');
select is(tests.error_of($$select public.dispatch_task(tests.channel('buf-barista/quick'), 'Say hello', model => 'opencode')$$), 'bad_argument', 'nobody may ask for a disabled model');
select tests.sign_out();
update hub_channels set model_preference = 'gemini' where name = 'quick';
select is(tests.error_of($$update public.hub_channels set model_preference = 'opencode' where name = 'quick'$$), 'bad_argument', 'nobody may ask for a disabled model');
insert into mac_tasks (channel_id, content, model_preference) values (tests.channel('buf-barista/garden'), 'Say hello', 'claude');
update mac_tasks set model_preference = 'opencode' where content = 'Say hello' and status = 'pending';
select is(
  claim_tasks(tests.kept('pc') ->> 'token') #>> '{0,model}', 'claude', 'a task that wants a disabled model gets the next one'
);

-- Renamed and deleted.
update hub_models set name = 'gemini-cli' where name = 'gemini';
select is((select c.model_preference from hub_channels as c where c.name = 'quick'), 'gemini-cli', 'channels follow a new name');
select results_eq(
  $$select c.model from hub.model_chains as c where c.preference = 'gemini-cli' order by c.position$$,
  array['gemini-cli', 'claude', 'codex'], 'and so do chains'
);
delete from hub_models where name = 'gemini-cli';
select is((select c.model_preference from hub_channels as c where c.name = 'quick'), 'any', 'a deleted model is nobody''s preference');
select is_empty(
  $$select from hub.model_chains as c where 'gemini-cli' in (c.preference, c.model)$$, 'and in no chain'
);

select * from finish();
rollback;
