-- Row security as the app has it: each user sees and makes their own tasks.
alter table public.mac_tasks enable row level security;
alter table public.hub_threads enable row level security;
create policy authenticated_read_tasks on public.mac_tasks
for select to authenticated using (owner = (select auth.uid()));
create policy app_insert on public.mac_tasks
for insert to authenticated with check (owner = (select auth.uid()));
create policy app_update on public.mac_tasks
for update to authenticated using (owner = (select auth.uid()));
create policy app_results on public.mac_tasks
for select to anon using (status = 'complete');
create policy app_threads on public.hub_threads
for all to authenticated using (owner = (select auth.uid()));
