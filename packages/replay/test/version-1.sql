-- What the first version of the program wrote: four trajectories, one hidden by a snapshot.
CREATE TABLE trajectory (
  seq integer primary key autoincrement,
  fingerprint text not null,
  id text not null,
  environment text not null,
  task_id text not null,
  task text not null,
  first_observation text not null,
  ending text not null,
  success integer not null,
  failed integer not null,
  policy text not null,
  policy_version integer not null,
  source text not null check (source in ('real', 'synthetic')),
  total_reward real,
  length integer not null,
  real_steps integer not null,
  quality real not null,
  added_at integer not null,
  gone integer
) strict;
CREATE UNIQUE INDEX trajectory_content on trajectory (fingerprint) where gone is null;
CREATE INDEX trajectory_eviction on trajectory (source, quality, seq) where gone is null;
CREATE INDEX trajectory_index on trajectory (seq, gone, source, success, failed, real_steps, length) where gone is null;
CREATE INDEX trajectory_gone on trajectory (gone) where gone is not null;
CREATE TABLE step (
  seq integer primary key,
  trajectory integer not null references trajectory (seq) on delete cascade,
  idx integer not null,
  observation text,
  action text not null,
  tool_call text,
  span text,
  reward real,
  next_observation text not null,
  source text not null check (source in ('real', 'synthetic')),
  origin text not null,
  origin_version text not null,
  retrieved text,
  reasoning text,
  scores text,
  cost real,
  unique (trajectory, idx)
) strict;
CREATE TABLE snapshot (
  version integer primary key autoincrement,
  max_seq integer not null,
  trajectories integer not null,
  taken_at integer not null
) strict;
CREATE TABLE event (
  seq integer primary key,
  kind text not null check (kind in ('evicted', 'replaced', 'restored')),
  subject integer not null,
  at integer not null
) strict;
insert into trajectory (seq, fingerprint, id, environment, task_id, task, first_observation, ending, success, failed, policy, policy_version, source, total_reward, length, real_steps, quality, added_at, gone) values (1, 'b821c2da301840e6049d464b40e362cba0f801078e23536c0841bb4459283feb', 'trajectory-a', 'room', 'a', '{"id":"a","environment":"room","instruction":"find a","seed":0,"payload":null,"origin":{"_tag":"Original"}}', 'a room', '{"_tag":"Terminated","success":false}', 0, 0, 'tester', 0, 'real', 0, 2, 2, 2, 1795386281842, null);
insert into trajectory (seq, fingerprint, id, environment, task_id, task, first_observation, ending, success, failed, policy, policy_version, source, total_reward, length, real_steps, quality, added_at, gone) values (2, '7650e6cd42b4f1ff3802daea5eb048449d3177a8c7aab1e7373271a826af1a30', 'trajectory-b', 'room', 'b', '{"id":"b","environment":"room","instruction":"find b","seed":0,"payload":null,"origin":{"_tag":"Original"}}', 'a room', '{"_tag":"Terminated","success":false}', 0, 0, 'tester', 0, 'synthetic', 0, 1, 0, 0.5, 1795386281842, 1);
insert into trajectory (seq, fingerprint, id, environment, task_id, task, first_observation, ending, success, failed, policy, policy_version, source, total_reward, length, real_steps, quality, added_at, gone) values (3, 'ed12f0dba0e6b9015d10f6ad77954496d26703e04d4ec911021c68f56cfcabbf', 'trajectory-c', 'room', 'c', '{"id":"c","environment":"room","instruction":"find c","seed":0,"payload":null,"origin":{"_tag":"Original"}}', 'a room', '{"_tag":"Terminated","success":false}', 0, 0, 'tester', 0, 'synthetic', 0, 1, 0, 1, 1795386281842, null);
insert into trajectory (seq, fingerprint, id, environment, task_id, task, first_observation, ending, success, failed, policy, policy_version, source, total_reward, length, real_steps, quality, added_at, gone) values (4, '32b75e25df48d2881d15212b3075b537cc52962e04c343c49a6183aad9aa7bdd', 'trajectory-d', 'room', 'd', '{"id":"d","environment":"room","instruction":"find d","seed":0,"payload":null,"origin":{"_tag":"Original"}}', 'a room', '{"_tag":"Failed","fault":"Environment","message":"gone"}', 0, 1, 'tester', 0, 'synthetic', 0, 1, 0, 3, 1795386281847, null);
insert into step (seq, trajectory, idx, observation, action, tool_call, span, reward, next_observation, source, origin, origin_version, retrieved, reasoning, scores, cost) values (1, 1, 0, null, 'take a', null, null, 0, 'you hold a', 'real', 'room', '1', null, null, null, null);
insert into step (seq, trajectory, idx, observation, action, tool_call, span, reward, next_observation, source, origin, origin_version, retrieved, reasoning, scores, cost) values (2, 1, 1, null, 'drop a', null, null, 0, char(0) || 'utf16:d80000200061006c006f006e0065', 'real', 'room', '1', null, null, null, null);
insert into step (seq, trajectory, idx, observation, action, tool_call, span, reward, next_observation, source, origin, origin_version, retrieved, reasoning, scores, cost) values (3, 2, 0, null, 'take b', null, null, 0, 'you hold b', 'synthetic', 'dreamer', '3', '[]', '', '{}', 0);
insert into step (seq, trajectory, idx, observation, action, tool_call, span, reward, next_observation, source, origin, origin_version, retrieved, reasoning, scores, cost) values (4, 3, 0, null, 'take c', null, null, 0, 'you hold c', 'synthetic', 'dreamer', '3', '[]', '', '{}', 0);
insert into step (seq, trajectory, idx, observation, action, tool_call, span, reward, next_observation, source, origin, origin_version, retrieved, reasoning, scores, cost) values (5, 4, 0, null, 'take d', null, null, 0, 'you hold d', 'synthetic', 'dreamer', '3', '[]', '', '{}', 0);
insert into snapshot (version, max_seq, trajectories, taken_at) values (1, 3, 3, 1795386281845);
insert into event (seq, kind, subject, at) values (1, 'evicted', 2, 1795386281847);
insert into sqlite_sequence (name, seq) values ('trajectory', 4);
insert into sqlite_sequence (name, seq) values ('snapshot', 1);
pragma application_id = 1148340077;
pragma user_version = 1;
